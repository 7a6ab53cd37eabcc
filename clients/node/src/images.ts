/** Images as they go into the encoder, and whether they fit it. */

import { InputError } from "./errors.js";

/** Pixels row by row, the channels of a pixel together: bytes, or floats in [0, 1] where the manifest says so. */
export interface Image {
  pixels: Uint8Array | Float32Array;
  height: number;
  width: number;
  channels: number;
}

/** What the manifest says of images. */
export interface ImageSpec {
  height: number;
  width: number;
  channels: number;
  dtype: "uint8" | "float32";
}

/** Throws where an image does not fit. */
export function checkImage(image: Image, spec: ImageSpec): void {
  const size = ({ height, width, channels }: Image | ImageSpec) => `${height} × ${width} × ${channels}`;
  if (size(image) !== size(spec)) {
    throw new InputError(`The image is ${size(image)}; this bundle takes ${size(spec)} (height, width, channels).`);
  }
  const kind = image.pixels instanceof Float32Array ? "float32" : "uint8";
  if (kind !== spec.dtype) throw new InputError(`The pixels are ${kind}; this bundle takes ${spec.dtype}.`);
  const wanted = spec.height * spec.width * spec.channels;
  if (image.pixels.length !== wanted) {
    throw new InputError(`The image has ${image.pixels.length} values, where ${size(spec)} makes ${wanted}.`);
  }
  if (image.pixels instanceof Float32Array && !image.pixels.every((value) => value >= 0 && value <= 1)) {
    throw new InputError("An image of floats must lie in [0, 1].");
  }
}
