/** The bundle on the device: its manifest, and the graphs that it vouches for. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

import { BundleError } from "./errors.js";
import type { ImageSpec } from "./images.js";
import type { WireSpec } from "./wire.js";

/** The law of Q. */
export interface SecretSpec {
  kind: "rotation" | "orthogonal" | "permutation";
  components: number;
}

/** A tensor of a graph; null stands for the batch. */
export interface TensorSpec {
  name: string;
  dtype: string;
  shape: (number | null)[];
}

interface GraphFile {
  file: string;
  sha256: string;
  inputs: TensorSpec[];
  outputs: TensorSpec[];
}

/** What this port uses of manifest.json; docs/manifest.md has it whole. */
export interface Manifest {
  format_version: number;
  model_name: string;
  image: ImageSpec;
  labels: string[];
  secret: SecretSpec;
  encoder: GraphFile;
  decoder: GraphFile;
  processing: GraphFile;
  decoy: { source: string; noise_size: number };
  wire: WireSpec;
  network: { task?: string };
  audit: { grade?: string; kept?: boolean; incomplete?: string | null } | null;
  lineage?: string;
}

/** A bundle that was read and checked. */
export interface Bundle {
  manifest: Manifest;
  encoder: Uint8Array;
  decoder: Uint8Array;
}

/**
 * Read a bundle and check both graphs against the manifest.
 *
 * The manifest's own checksum is over JSON as Python writes its numbers, and is not checked here. No signature is
 * either: get bundles to the device in a way that you trust.
 */
export async function readBundle(folder: string): Promise<Bundle> {
  const [edge, text] = await findManifest(folder);
  const manifest = parse(text);
  const [encoder, decoder] = await Promise.all(
    [manifest.encoder, manifest.decoder].map((graph) => readGraph(edge, graph)),
  );
  return { manifest, encoder, decoder };
}

/** What ties a device's keys to the encoder. */
export function keyContext(manifest: Manifest): string {
  return manifest.lineage ?? manifest.encoder.sha256;
}

/** What is to be said of the audit at every start, or null. */
export function privacyWarning({ audit }: Manifest): string | null {
  if (audit === null) return "this bundle was never audited, so nobody knows what its transmissions give away";
  if (audit.kept === false) return "the privacy audit of this bundle went beyond what the bundle promises";
  if (audit.grade === "open") return "the privacy audit of this bundle found that it lies open";
  return audit.incomplete ? "the privacy audit of this bundle was not a whole one" : null;
}

async function findManifest(folder: string): Promise<[string, string]> {
  for (const edge of [folder, join(folder, "edge")]) {
    try {
      return [edge, await readFile(join(edge, "manifest.json"), "utf8")];
    } catch {
      continue;
    }
  }
  throw new BundleError(`No bundle at ${folder}: it holds no manifest.json. Give an export, or its 'edge' folder.`);
}

function parse(text: string): Manifest {
  let manifest: Manifest;
  try {
    manifest = JSON.parse(text) as Manifest;
  } catch {
    throw new BundleError("The manifest is not JSON: it is damaged or cut short. Copy it again.");
  }
  if (manifest.format_version !== 1 && manifest.format_version !== 2) {
    throw new BundleError(`The bundle is of format version ${manifest.format_version}; this port reads 1 and 2.`);
  }
  manifest.secret ??= { kind: "rotation", components: 2 }; // format 1 knew no other
  if (manifest.decoy.source === "archive") {
    throw new BundleError(
      "This bundle hides images among others of an archive, each used once, which this port cannot keep: use Python's.",
    );
  }
  return manifest;
}

async function readGraph(edge: string, { file, sha256: expected }: GraphFile): Promise<Uint8Array> {
  const content = await readFile(join(edge, file)).catch(() => {
    throw new BundleError(`${file} is missing or cannot be read. Copy the bundle again.`);
  });
  if (bytesToHex(sha256(content)) !== expected) {
    throw new BundleError(`${file} is not the graph of its manifest. Copy the whole bundle again.`);
  }
  return content;
}
