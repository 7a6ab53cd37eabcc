/** Where Q and the decoys' noise come from: HMAC-SHA-256 (RFC 2104) of the image under the device's secret. */

import { inspect } from "node:util";

import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";

import type { SecretSpec } from "./bundle.js";
import { InputError } from "./errors.js";
import type { Image } from "./images.js";
import { matrixOf, wordsForMatrix } from "./matrices.js";
import { normal, words, wordsForNormal } from "./stream.js";

const SEED_LABEL = utf8ToBytes("phasekey/sdk.key/1/seed");
const SHORTEST = 16; // bytes of a secret

/** What one image is hidden by: Q, (k, k) row by row, and (k - 1)·Z normal numbers. */
export interface Drawn {
  matrix: Float64Array;
  noise: Float32Array;
}

/** Derives what hides an image from a secret and the image: the same image always goes out as the same x. */
export class Keys {
  #secret: Uint8Array | null;
  readonly #context: Uint8Array;

  /**
   * @param secret at least 16 random bytes that this device keeps.
   * @param context what ties keys to the encoder, of the manifest.
   */
  constructor(secret: Uint8Array, context: string) {
    if (secret.length < SHORTEST) {
      throw new InputError(
        `The secret has ${secret.length} bytes; at least ${SHORTEST} are needed, random ones: randomBytes(32), kept.`,
      );
    }
    this.#secret = Uint8Array.from(secret);
    this.#context = utf8ToBytes(context);
  }

  /** 32 bytes that all else of this image follows from. */
  seed(image: Image): Uint8Array {
    if (this.#secret === null) throw new InputError("The client is closed. Open a new one.");
    const code = hmac.create(sha256, this.#secret);
    const pixels = new Uint8Array(image.pixels.buffer, image.pixels.byteOffset, image.pixels.byteLength);
    for (const part of [SEED_LABEL, this.#context, utf8ToBytes(kindOf(image)), pixels]) {
      const length = new Uint8Array(8);
      new DataView(length.buffer).setBigUint64(0, BigInt(part.length));
      code.update(length).update(part);
    }
    return code.digest();
  }

  /** Q and noise of an image, `noiseSize` numbers for each of the k - 1 decoys. */
  draw(image: Image, noiseSize: number, secret: SecretSpec): Drawn {
    return expand(this.seed(image), noiseSize, secret);
  }

  /** Overwrite the secret; nothing can be drawn any more. */
  forget(): void {
    this.#secret?.fill(0);
    this.#secret = null;
  }

  toJSON(): never {
    throw new InputError("Keys hold a secret and are not to be written down.");
  }

  [inspect.custom](): string {
    return "Keys(secret hidden)";
  }
}

/** Spread a seed into a matrix and normal numbers. */
export function expand(seed: Uint8Array, noiseSize: number, secret: SecretSpec): Drawn {
  const first = wordsForMatrix(secret);
  const numbers = (secret.components - 1) * noiseSize;
  const drawn = words(labelOf(secret), seed, first + wordsForNormal(numbers));
  return {
    matrix: matrixOf(secret, drawn.slice(0, first)),
    noise: Float32Array.from(normal(drawn.slice(first), numbers)),
  };
}

function labelOf({ kind, components }: SecretSpec): string {
  return kind === "rotation"
    ? "phasekey/sdk.key/1/stream"
    : `phasekey/sdk.secrets/2/${kind}/${components}/stream`;
}

/** Type and shape, as Python writes them: they are part of what is hashed. */
function kindOf({ pixels, height, width, channels }: Image): string {
  return `('${pixels instanceof Uint8Array ? "|u1" : "<f4"}', (${height}, ${width}, ${channels}))`;
}
