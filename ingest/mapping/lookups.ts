import { createHash } from "node:crypto";
import { recordMatches } from "./apply.ts";
import { lookupsIn } from "./lookup-expressions.ts";
import { type Fields, keyIn, type RunFile, tooMany } from "./run-files.ts";
import type { Mapping } from "./schema.ts";

/** Records of other files of the run that a mapping looks values up in. */
export interface Lookups {
  /** Names what was found: the same records, the same text. */
  readonly digest: string;
  /** The record of a lookup with this key, as far as the mapping asks of it; undefined where no file has it. */
  find(lookup: string, key: string): Fields | undefined;
}

/** More are not held in memory, over all lookups of a run. */
const maxRecords = 2_000_000;

/**
 * Reads the files of one run for the records that a mapping looks up (`lookups`), and of each keeps the columns that are asked for. Of two records with one
 * key the last counts, in the order in which the files were given. Undefined where the mapping looks nothing up. A file is left at its
 * first record that is none of a lookup's: a file holds one kind.
 */
export async function readLookups(
  mapping: Mapping,
  files: readonly RunFile[],
  signal: AbortSignal,
): Promise<Lookups | undefined> {
  const rules = Object.entries(mapping.lookups ?? {});
  if (rules.length === 0) return undefined;
  const wanted = columnsOf(mapping);
  const found = new Map(rules.map(([name]) => [name, new Map<string, Fields>()]));
  const digest = createHash("sha256");
  let held = 0;
  for (const file of files) {
    for (const [name, rule] of rules) {
      const records = found.get(name)!;
      const columns = wanted.get(name) ?? new Set<string>();
      let isFirst = true;
      for await (const fields of file.records()) {
        if (signal.aborted || !recordMatches(rule.in, fields, file.fileName)) break;
        if (isFirst) digest.update(`${name} ${file.fileId}\n`);
        isFirst = false;
        const key = keyIn(fields, rule.by);
        if (key === undefined) continue;
        if (!records.has(key) && ++held > maxRecords) throw tooMany(maxRecords, "records looked up", file.fileName);
        records.set(key, Object.fromEntries(Object.entries(fields).filter(([column]) => columns.has(column))));
      }
    }
  }
  return { digest: digest.digest("hex"), find: (lookup, key) => found.get(lookup)?.get(key) };
}

function columnsOf(mapping: Mapping): ReadonlyMap<string, ReadonlySet<string>> {
  const columns = new Map<string, Set<string>>();
  for (const { lookup, of } of lookupsIn(mapping)) columns.set(lookup, (columns.get(lookup) ?? new Set()).add(of));
  return columns;
}
