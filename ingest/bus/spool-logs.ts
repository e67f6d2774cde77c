import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { FrameFormat } from "./spool-frame.ts";

/** One log of a spool: a file named by the number of its first message. */
export interface SpoolLog {
  readonly first: number;
  readonly path: string;
  readonly format: FrameFormat;
}

const extension: Readonly<Record<FrameFormat, string>> = { numbered: "frames", counted: "log" };

/** The name says how it is to be read: a flipped bit in a file's first bytes must not make it another format. */
export const logName = (first: number): string => `${String(first).padStart(15, "0")}.${extension.numbered}`;

/** The logs of a spool in the order of their numbers. */
export async function logsIn(dir: string): Promise<readonly SpoolLog[]> {
  const names = existsSync(dir) ? await readdir(dir) : [];
  return names
    .filter((name) => /^\d{15}\.(frames|log)$/.test(name))
    .map((name) => ({
      first: Number(name.slice(0, 15)),
      path: join(dir, name),
      format: name.endsWith(".log") ? ("counted" as const) : ("numbered" as const),
    }))
    .sort((a, b) => a.first - b.first || (a.format === "counted" ? -1 : 1));
}
