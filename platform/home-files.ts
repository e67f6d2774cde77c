import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { writeAsIs } from "./files.ts";
import { type HomeSeal, openBytes, sealBytes, sealOf, unsealed } from "./home-seal.ts";

/** A file that is either whole under its name or not there; sealed where its home is encrypted. `mode` is who may read it. */
export async function writeWhole(path: string, content: string | Uint8Array, mode?: number): Promise<void> {
  const seal = sealOf(path);
  await writeAsIs(path, seal ? sealBytes(content, seal) : content, mode);
}

/** The content that `writeWhole` was given. */
export const readHomeFile = async (path: string): Promise<Buffer> => openBytes(await readFile(path), path);
export const readHomeText = async (path: string): Promise<string> => (await readHomeFile(path)).toString("utf8");
export const readHomeTextSync = (path: string): string => openBytes(readFileSync(path), path).toString("utf8");

/** A line of a file that grows by lines, without its line feed: in base64 where the home is encrypted. */
export const lineFor = (line: string, seal: HomeSeal | undefined): string =>
  seal ? sealBytes(line, seal).toString("base64") : line;

/** The line again; undefined where it is not what was written. */
export function lineFrom(line: string, seal: HomeSeal | undefined): string | undefined {
  return seal ? unsealed(Buffer.from(line, "base64"), seal)?.toString("utf8") : line;
}
