import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A line of a stream as a test sees it: parsed, or undefined where it is no JSON object. */
export type Line = Readonly<Record<string, unknown>> | undefined;

export function* readLines(dir: string): Iterable<{ text: string; value: Line }> {
  for (const file of readdirSync(dir)
    .filter((name) => name.endsWith(".ndjson"))
    .sort()) {
    for (const text of readFileSync(join(dir, file), "latin1").split("\n")) {
      if (text === "") continue;
      let value: Line;
      try {
        value = JSON.parse(text) as Line;
      } catch {
        value = undefined;
      }
      yield { text, value };
    }
  }
}

/** The rows of a CSV file without quoting, as records. */
export function readCsv(path: string): Record<string, string>[] {
  const [header, ...lines] = readFileSync(path, "latin1").trimEnd().split("\n");
  const names = header!.split(",");
  return lines.map((line) => {
    const cells = line.split(",");
    return Object.fromEntries(names.map((name, i) => [name, cells[i]!]));
  });
}
