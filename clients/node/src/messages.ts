/** Requests and replies of the Open Inference Protocol v2. Pure: nothing is sent here. */

import { concatBytes } from "@noble/hashes/utils.js";

import type { TensorSpec } from "./bundle.js";
import { CallError } from "./errors.js";
import { field, fieldsOf, numbersOf, packed, textOf } from "./protobuf.js";
import { DATATYPES } from "./wire.js";

/** A tensor as messages describe it. */
export interface Tensor {
  name: string;
  datatype: string;
  shape: number[];
}

/** Asks for h of x; the same x, the same bytes. */
export function inferRequest(model: string, datatype: string, shape: number[], x: Uint8Array): Uint8Array {
  const tensor = concatBytes(field(1, "x"), field(2, datatype), packed(3, shape));
  return concatBytes(field(1, model), field(6, field(1, "h")), field(5, tensor), field(7, x));
}

/** The bytes of h of a reply, and what they are. */
export function inferReply(reply: Uint8Array): Tensor & { bytes: Uint8Array } {
  const outputs: Tensor[] = [];
  const raw: Uint8Array[] = [];
  for (const [number, value] of fieldsOf(reply)) {
    if (number === 5) outputs.push(tensorOf(value));
    if (number === 6 && typeof value !== "bigint") raw.push(value);
  }
  const at = outputs.findIndex(({ name }) => name === "h");
  if (at < 0 || raw.length !== outputs.length) {
    throw new CallError("The server's answer holds no raw tensor 'h'. Is it the right server?");
  }
  return { ...outputs[at], bytes: raw[at] };
}

/** Asks whether a model is ready, or what it is. */
export function modelRequest(model: string): Uint8Array {
  return field(1, model);
}

/** Whether the server, or the model, says that it is ready. */
export function readyReply(reply: Uint8Array): boolean {
  return [...fieldsOf(reply)].some(([number, value]) => number === 1 && value === 1n);
}

/** Throws where the server's model has other tensors than the bundle's other half. */
export function checkMetadata(reply: Uint8Array, wanted: { inputs: TensorSpec[]; outputs: TensorSpec[] }): void {
  const offered: Record<number, Tensor[]> = { 4: [], 5: [] };
  for (const [number, value] of fieldsOf(reply)) offered[number]?.push(tensorOf(value));
  for (const [number, specs] of [
    [4, wanted.inputs],
    [5, wanted.outputs],
  ] as const) {
    const expected = specs.map(({ name, dtype, shape }) => ({
      name,
      datatype: DATATYPES[dtype as keyof typeof DATATYPES],
      shape: shape.map((size) => size ?? -1),
    }));
    if (JSON.stringify(offered[number]) !== JSON.stringify(expected)) {
      throw new CallError(
        "The server's model has other tensors than this bundle's other half. Serve the 'cloud' folder that was " +
          "exported together with this bundle.",
      );
    }
  }
}

function tensorOf(value: bigint | Uint8Array): Tensor {
  const tensor: Tensor = { name: "", datatype: "", shape: [] };
  if (typeof value === "bigint") return tensor;
  for (const [number, part] of fieldsOf(value)) {
    if (number === 1) tensor.name = textOf(part);
    if (number === 2) tensor.datatype = textOf(part);
    if (number === 3) tensor.shape.push(...numbersOf(part));
  }
  return tensor;
}
