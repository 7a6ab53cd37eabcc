/** Against clients/vectors.json, which Python's client tests against too. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { suite, test } from "node:test";
import { inspect } from "node:util";

import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";

import { type Bundle, keyContext, type Manifest, type SecretSpec } from "../src/bundle.js";
import { Graphs } from "../src/graphs.js";
import { hide, reveal } from "../src/hiding.js";
import type { Image } from "../src/images.js";
import { expand, Keys } from "../src/keys.js";
import { inferReply, inferRequest } from "../src/messages.js";
import { DATATYPES, fromWire, toWire } from "../src/wire.js";

interface Case {
  seeds: string[];
  matrix: number[];
  noise: number[];
  x: number[];
}
type Law = Case & SecretSpec;
interface Whole extends Case {
  name: string;
  manifest: string;
  encoder: string;
  decoder: string;
  images: number[];
  context: string;
  rows: number[];
  sent: number[];
  sent_shape: number[];
  request: string;
  reply: string;
  revealed: number[];
  probabilities: number[];
  labels: string[];
}

const N = 2;
const vectors = JSON.parse(readFileSync(new URL("../../../vectors.json", import.meta.url), "utf8")) as {
  secret: string;
  context: string;
  noise_size: number;
  images: number[];
  images_shape: number[];
  rows: number[];
  laws: Law[];
  bundles: Whole[];
};
const secret = hexToBytes(vectors.secret);

/** The part of image `at` of N. */
function part(values: number[], at: number): number[] {
  const size = values.length / N;
  return values.slice(at * size, (at + 1) * size);
}

function close(found: ArrayLike<number>, wanted: number[], within = 3e-6): void {
  assert.equal(found.length, wanted.length);
  wanted.forEach((value, at) => {
    assert.ok(Math.abs(found[at] - value) <= within * Math.max(1, Math.abs(value)), `${found[at]} is not ${value}`);
  });
}

function imagesOf(values: number[], [height, width, channels]: number[], dtype = "uint8"): Image[] {
  return [0, 1].map((at) => {
    const pixels = (dtype === "uint8" ? Uint8Array : Float32Array).from(part(values, at));
    return { pixels, height, width, channels };
  });
}

for (const law of vectors.laws) {
  test(`${law.kind} of ${law.components}: seed, Q, noise, X`, () => {
    const keys = new Keys(secret, vectors.context);
    imagesOf(vectors.images, vectors.images_shape.slice(1)).forEach((image, at) => {
      assert.equal(bytesToHex(keys.seed(image)), law.seeds[at]);
      const { matrix, noise } = keys.draw(image, vectors.noise_size, law);
      close(matrix, part(law.matrix, at), 1e-12);
      close(noise, part(law.noise, at));
      const rows = Float32Array.from(vectors.rows.slice(0, 4 * law.components));
      close(hide(rows, matrix, law.kind === "permutation"), part(law.x, at));
    });
  });
}

for (const whole of vectors.bundles) {
  const manifest = JSON.parse(whole.manifest) as Manifest;
  const permuted = manifest.secret.kind === "permutation";
  const blocks = permuted ? 1 : manifest.secret.components;
  const seeds = whole.seeds.map(hexToBytes);
  const { dtype } = manifest.wire;
  const drawn = seeds.map((seed) => expand(seed, manifest.decoy.noise_size, manifest.secret));

  suite(whole.name, () => {
    test("keys", () => {
      assert.equal(keyContext(manifest), whole.context);
      const { height, width, channels } = manifest.image;
      imagesOf(whole.images, [height, width, channels], manifest.image.dtype).forEach((image, at) => {
        assert.equal(bytesToHex(new Keys(secret, whole.context).seed(image)), whole.seeds[at]);
        close(drawn[at].matrix, part(whole.matrix, at), 1e-12);
        close(drawn[at].noise, part(whole.noise, at));
      });
    });

    test("hidden, in the wire's type", () => {
      const steps = { float32: 3e-6, float16: 1e-3, int8: 1 }[dtype];
      drawn.forEach(({ matrix }, at) => {
        const x = hide(Float32Array.from(part(whole.rows, at)), matrix, permuted);
        close(x, part(whole.x, at));
        close(fromWire(toWire(x, manifest.wire, blocks), { ...manifest.wire, h_scale: 1 }), part(whole.sent, at), steps);
      });
    });

    test("the conversion is Python's to the last bit, and so is the request", () => {
      const x = [0, 1].map((at) => toWire(Float32Array.from(part(whole.x, at)), manifest.wire, blocks));
      const request = inferRequest(manifest.model_name, DATATYPES[dtype], whole.sent_shape, Buffer.concat(x));
      assert.equal(Buffer.from(request).toString("base64"), whole.request);
    });

    test("the answer, revealed", () => {
      const reply = inferReply(Buffer.from(whole.reply, "base64"));
      assert.equal(reply.datatype, DATATYPES[dtype]);
      const h = fromWire(reply.bytes, manifest.wire);
      drawn.forEach(({ matrix }, at) => {
        close(reveal(Float32Array.from(part([...h], at)), matrix, permuted), part(whole.revealed, at));
      });
    });

    test("the graphs", { skip: manifest.decoy.source === "archive" && "archives are Python's" }, async () => {
      const [encoder, decoder] = [whole.encoder, whole.decoder].map((text) => Buffer.from(text, "base64"));
      const graphs = await Graphs.load({ manifest, encoder, decoder } as Bundle);
      const { height, width, channels } = manifest.image;
      const images = imagesOf(whole.images, [height, width, channels], manifest.image.dtype);
      for (const [at, image] of images.entries()) {
        close(await graphs.rows(image, drawn[at].noise), part(whole.rows, at), 1e-5);
        const found = await graphs.probabilities(Float32Array.from(part(whole.revealed, at)));
        close(found, part(whole.probabilities, at));
        assert.equal(manifest.labels[found.indexOf(Math.max(...found))], whole.labels[at]);
      }
      await graphs.release();
    });
  });
}

test("one changed pixel changes all", () => {
  const keys = new Keys(secret, vectors.context);
  const [image] = imagesOf(vectors.images, vectors.images_shape.slice(1));
  const seed = bytesToHex(keys.seed(image));
  image.pixels[5] ^= 1;
  assert.notEqual(bytesToHex(keys.seed(image)), seed);
});

test("keys show no secret, and forget it", () => {
  const keys = new Keys(secret, "");
  const shown = [inspect(keys), `${keys}`, inspect({ keys }, { depth: 9, showHidden: true })].join();
  assert.ok(!shown.includes("0, 1, 2") && !shown.includes(vectors.secret.slice(0, 8)));
  assert.throws(() => JSON.stringify(keys), /secret/);
  assert.throws(() => new Keys(secret.subarray(0, 15), ""), /15 bytes/);
  keys.forget();
  assert.throws(() => keys.seed(imagesOf(vectors.images, [4, 4, 1])[0]), /closed/);
});
