/** image → encode → hide → wire → process → wire → reveal → decode, with a cloud that sees x alone. */

import { concatBytes } from "@noble/hashes/utils.js";

import { type Bundle, keyContext, type Manifest, privacyWarning, readBundle } from "./bundle.js";
import { CallError } from "./errors.js";
import { Graphs } from "./graphs.js";
import { hide, reveal } from "./hiding.js";
import { checkImage, type Image } from "./images.js";
import { type Drawn, Keys } from "./keys.js";
import { inferReply, inferRequest } from "./messages.js";
import { Transport, type TransportOptions } from "./transport.js";
import { BYTES, DATATYPES, fromWire, toWire } from "./wire.js";

/** What a client needs. */
export interface ClientOptions extends TransportOptions {
  /** At least 16 random bytes, kept over restarts: under two secrets, an image gives its feature away. */
  secret: Uint8Array;
}

/** What the network says of one image. */
export interface Prediction {
  /** The likeliest class; of networks that tell attributes, all that are likelier than not, by commas. */
  label: string;
  /** One for each of the manifest's labels. */
  probabilities: Float32Array;
}

/** Predicts with a network whose middle runs in a cloud that is not to see the images. */
export class EdgeClient {
  readonly #keys: Keys;
  #checked = false;

  private constructor(
    readonly manifest: Manifest,
    keys: Keys,
    private readonly graphs: Graphs,
    private readonly transport: Transport,
  ) {
    this.#keys = keys;
  }

  /** Open an export, or its 'edge' folder. */
  static async open(bundle: string | Bundle, { secret, ...way }: ClientOptions): Promise<EdgeClient> {
    const read = typeof bundle === "string" ? await readBundle(bundle) : bundle;
    const warning = privacyWarning(read.manifest);
    if (warning) process.emitWarning(warning, "PrivacyWarning");
    const keys = new Keys(secret, keyContext(read.manifest));
    return new EdgeClient(read.manifest, keys, await Graphs.load(read), new Transport(way));
  }

  /** Predict images, in one request. */
  async predict(images: Image[]): Promise<Prediction[]> {
    images.forEach((image) => checkImage(image, this.manifest.image));
    if (!this.#checked) {
      await this.transport.check(this.manifest);
      this.#checked = true;
    }
    const drawn = images.map((image) => this.#keys.draw(image, this.manifest.decoy.noise_size, this.manifest.secret));
    try {
      const sent: Uint8Array[] = [];
      for (const [at, image] of images.entries()) {
        sent.push(this.#encode(await this.graphs.rows(image, drawn[at].noise), drawn[at]));
      }
      const h = await this.#process(concatBytes(...sent), images.length);
      const answers: Prediction[] = [];
      for (const [at, each] of drawn.entries()) answers.push(await this.#decode(h[at], each));
      return answers;
    } finally {
      drawn.forEach(({ matrix, noise }) => (matrix.fill(0), noise.fill(0)));
    }
  }

  /** Close the connection, free both graphs and overwrite the secret. */
  async close(): Promise<void> {
    this.#keys.forget();
    this.transport.close();
    await this.graphs.release();
  }

  #encode(rows: Float32Array, { matrix }: Drawn): Uint8Array {
    const { secret, wire } = this.manifest;
    const permuted = secret.kind === "permutation";
    const sent = toWire(hide(rows, matrix, permuted), wire, permuted ? 1 : secret.components);
    rows.fill(0);
    return sent;
  }

  /** x of N images -> h of each. */
  async #process(x: Uint8Array, count: number): Promise<Float32Array[]> {
    const { model_name, processing, secret, wire } = this.manifest;
    const samples = secret.kind === "permutation" ? count * secret.components : count;
    const shapes = [processing.inputs, processing.outputs].map(([{ shape }]) => [samples, ...(shape.slice(1) as number[])]);
    const request = inferRequest(model_name, DATATYPES[wire.dtype], shapes[0], x);
    const reply = inferReply(await this.transport.call("ModelInfer", request));
    const length = shapes[1].reduce((product, size) => product * size, BYTES[wire.dtype]);
    const fits = reply.datatype === DATATYPES[wire.dtype] && `${reply.shape}` === `${shapes[1]}`;
    if (!fits || reply.bytes.length !== length) {
      throw new CallError("The server answered with another tensor than this bundle's. Is it the right server?");
    }
    const h = fromWire(reply.bytes, wire);
    if (!h.every(Number.isFinite)) throw new CallError("The server answered with NaN or infinity: its model is broken.");
    const size = h.length / count;
    return Array.from({ length: count }, (_, at) => h.subarray(at * size, (at + 1) * size));
  }

  async #decode(h: Float32Array, { matrix }: Drawn): Promise<Prediction> {
    const { labels, network, secret } = this.manifest;
    const probabilities = await this.graphs.probabilities(reveal(h, matrix, secret.kind === "permutation"));
    if (network.task === "attributes") {
      return { label: labels.filter((_, at) => probabilities[at] > 0.5).join(", ") || "none", probabilities };
    }
    return { label: labels[probabilities.indexOf(Math.max(...probabilities))], probabilities };
  }
}
