#!/usr/bin/env node
/** Predict files of raw pixels: one line of JSON for each. */

import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";

import { credentials } from "@grpc/grpc-js";

import { EdgeClient, InputError, PhasekeyError, readSecret } from "./index.js";

const HELP = `phasekey-predict --bundle DIR --target HOST:PORT --secret-file FILE [--ca-cert FILE] [--timeout SECONDS] PIXELS...

PIXELS: files of an image's raw values, row by row, as the bundle takes them (uint8, or float32 little-endian).
--secret-file: 32 random bytes that only you can read, the same at each run: under two secrets an image gives its
  feature away.
`;

async function main(): Promise<void> {
  const text = { type: "string" } as const;
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { bundle: text, target: text, "secret-file": text, "ca-cert": text, timeout: text, help: { type: "boolean" } },
  });
  const { bundle, target, "secret-file": file, "ca-cert": roots, timeout = "30" } = values;
  if (values.help || !bundle || !target || !file || !positionals.length) {
    process.stdout.write(HELP);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const secure = roots ? { credentials: credentials.createSsl(await readFile(roots)) } : {};
  const secret = await readSecret(file);
  const client = await EdgeClient.open(bundle, { target, secret, timeout: Number(timeout), ...secure });
  try {
    const { dtype, ...size } = client.manifest.image;
    for (const path of positionals) {
      const bytes = await readFile(path).catch(() => {
        throw new InputError(`${path} cannot be read.`);
      });
      const [{ label, probabilities }] = await client.predict([{ pixels: pixelsOf(bytes, dtype), ...size }]);
      process.stdout.write(`${JSON.stringify({ image: path, label, probabilities: [...probabilities] })}\n`);
    }
  } finally {
    await client.close();
  }
}

/** Bytes cut short make fewer values, which the client then refuses. */
function pixelsOf(bytes: Buffer, dtype: "uint8" | "float32"): Uint8Array | Float32Array {
  if (dtype === "uint8") return new Uint8Array(bytes);
  return Float32Array.from({ length: Math.floor(bytes.length / 4) }, (_, at) => bytes.readFloatLE(4 * at));
}

main().catch((error: unknown) => {
  if (!(error instanceof PhasekeyError)) throw error;
  process.stderr.write(`error: ${error.message}\n`);
  process.exitCode = 1;
});
