/** The two graphs on the device: encoder and decoder, one image at a time. */

import "./quiet.js";

import { InferenceSession, Tensor } from "onnxruntime-node";

import type { Bundle } from "./bundle.js";
import type { Image } from "./images.js";

/** Runs encoder and decoder. */
export class Graphs {
  private constructor(
    private readonly bundle: Bundle,
    private readonly encoder: InferenceSession,
    private readonly decoder: InferenceSession,
  ) {}

  static async load(bundle: Bundle): Promise<Graphs> {
    const options = { intraOpNumThreads: 1, interOpNumThreads: 1 };
    const [encoder, decoder] = await Promise.all(
      [bundle.encoder, bundle.decoder].map((graph) => InferenceSession.create(graph, options)),
    );
    return new Graphs(bundle, encoder, decoder);
  }

  /** M of an image: the feature, then k - 1 decoys made of the noise, one after another. */
  async rows(image: Image, noise: Float32Array): Promise<Float32Array> {
    const shape = [1, image.height, image.width, image.channels];
    const pixels =
      image.pixels instanceof Float32Array
        ? new Tensor("float32", image.pixels, shape)
        : new Tensor("uint8", image.pixels, shape);
    const { feature, decoy } = await this.encoder.run({ image: pixels, noise: new Tensor("float32", noise, [1, noise.length]) });
    const [own, others] = [feature.data as Float32Array, decoy.data as Float32Array];
    const rows = new Float32Array(own.length + others.length);
    rows.set(own);
    rows.set(others, own.length);
    return rows;
  }

  /** Probabilities of a revealed feature. */
  async probabilities(feature: Float32Array): Promise<Float32Array> {
    const shape = this.bundle.manifest.decoder.inputs[0].shape.map((size) => size ?? 1);
    const { probabilities } = await this.decoder.run({ feature: new Tensor("float32", feature, shape) });
    return probabilities.data as Float32Array;
  }

  async release(): Promise<void> {
    await Promise.all([this.encoder.release(), this.decoder.release()]);
  }
}
