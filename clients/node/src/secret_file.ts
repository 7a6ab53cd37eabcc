/** A secret kept in a file, as Python's client keeps it: 16 to 4,096 random bytes that its owner alone can read. */

import { open } from "node:fs/promises";

import { InputError } from "./errors.js";

const [SHORTEST, LONGEST] = [16, 4096];

/** Read a secret's file. Throws where others can read it, or where it holds none. */
export async function readSecret(path: string): Promise<Uint8Array> {
  const file = await open(path, "r").catch((error: NodeJS.ErrnoException) => {
    throw new InputError(`The secret file ${path} cannot be read: ${error.code}.`);
  });
  try {
    const found = await file.stat();
    if (!found.isFile()) throw new InputError(`${path} is no plain file.`);
    if (process.platform !== "win32" && found.mode & 0o077) {
      throw new InputError(`The secret ${path} can be read or changed by others than its owner: chmod 600 ${path}`);
    }
    if (found.size < SHORTEST || found.size > LONGEST) {
      throw new InputError(`${path} has ${found.size} bytes, where ${SHORTEST} to ${LONGEST} are expected, best 32.`);
    }
    const secret = new Uint8Array(await file.readFile());
    if (new Set(secret).size < 8) throw new InputError(`${path} holds no secret: too few different bytes.`);
    return secret;
  } finally {
    await file.close();
  }
}
