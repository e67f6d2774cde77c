import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";

/** Processor time of a process so far, in seconds, where the system tells (Linux). */
export function cpuSeconds(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return Number.NaN;
  }
}

/** What a server says on stderr once all patterns are there: the first group of each, in their order. */
export const onceSaid = (server: ChildProcess, ...patterns: readonly RegExp[]): Promise<readonly string[]> =>
  new Promise((found, failed) => {
    let text = "";
    server.stderr!.on("data", (chunk) => {
      text = (text + String(chunk)).slice(-10_000);
      const said = patterns.map((pattern) => pattern.exec(text)?.[1]);
      if (said.every((one) => one !== undefined)) found(said);
    });
    server.once("exit", (code) => failed(new Error(`the server ended with ${code}: ${text}`)));
  });
