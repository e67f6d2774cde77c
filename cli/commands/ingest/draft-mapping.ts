import { writeFile } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { UserError } from "../../../errors/user-error.ts";
import { createIdHasher } from "../../../ingest/door/id-hasher.ts";
import { type FileInput, fileInput } from "../../../ingest/files/file.ts";
import { type FilePreview, previewFile } from "../../../ingest/files/preview-file.ts";
import { type DraftedMapping, draftMapping } from "../../../ingest/mapping/draft-mapping.ts";
import { fieldsOf } from "../../../ingest/mapping/run-files.ts";
import { parseMapping } from "../../../ingest/mapping/schema.ts";
import type { Environment } from "../../environment.ts";
import { ingestContext } from "./context.ts";

export interface DraftMappingOptions {
  readonly from?: string;
  readonly out?: string;
}

/** Records that a proposal is made from, and tried on. */
const sampleRecords = 1000;

/** `inboxloop ingest map --from`: a proposal, its doubts, and what it would make of the first records. */
export async function draftMappingCommand(
  environment: Environment,
  options: DraftMappingOptions & { readonly from: string },
): Promise<void> {
  const { console, cwd, signal } = environment;
  const path = resolve(cwd, options.from);
  const context = ingestContext(environment, { trustReceivedAt: false });
  const hashId = createIdHasher(context.keys.ids.active);
  const plain = parseMapping("{version: 1, rows: [{table: profiles, set: {user_id: null}}]}", "mapping.yaml");
  const records = await firstRecords(await fileInput(path, { hashId, mapping: plain }), signal);
  if (records.length === 0)
    throw new UserError("the file has no record to propose a mapping from", {
      code: "ingest.no-records",
      exit: "usage",
      where: options.from,
    });
  const drafted = draftMapping({ fileName: basename(path), records });
  const mapping = parseMapping(drafted.text, options.out ?? "mapping.yaml");
  const preview = await previewFile(await fileInput(path, { hashId, mapping }), context, signal, sampleRecords);
  const written = options.out === undefined ? null : resolve(cwd, options.out);
  if (written !== null) await writeNew(written, drafted.text);
  const { text, doubts, unused } = drafted;
  const { path: _path, ...tried } = preview;
  console.result({ mapping: text, doubts, unused_columns: unused, written: options.out ?? null, tried }, () =>
    render(drafted, preview, options),
  );
}

async function firstRecords(
  input: FileInput,
  signal: AbortSignal,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const records: Readonly<Record<string, unknown>>[] = [];
  for await (const block of input.open(0).pull(signal)) {
    for (const message of block) {
      const fields = fieldsOf(message);
      if (fields) records.push(fields);
      if (records.length === sampleRecords) return records;
    }
  }
  return records;
}

async function writeNew(path: string, text: string): Promise<void> {
  await writeFile(path, text, { flag: "wx" }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== "EEXIST") throw cause;
    throw new UserError("there is a file already", {
      code: "ingest.mapping-exists",
      exit: "usage",
      where: path,
      next: "name another with --out",
      cause,
    });
  });
}

function render(
  { text, doubts, unused }: DraftedMapping,
  { records, rows_by_table, dead_letters_by_reason, left_out }: FilePreview,
  { from, out }: DraftMappingOptions,
): string {
  const said = (counts: Readonly<Record<string, number>>, of: (name: string) => string) =>
    Object.entries(counts)
      .map(([name, count]) => `${count} ${of(name)}`)
      .join(", ");
  const rows = said(rows_by_table, (name) => `rows of raw.${name}`) || "no row";
  const letters = said(dead_letters_by_reason, (name) => `dead letters ${name}`);
  const told = [
    `${records} first records: ${rows}${letters ? `; ${letters}` : ""}`,
    ...doubts.map(({ where, why }) => `unsure: ${where}: ${why}`),
    ...Object.keys(left_out).map((name) => `left out at the door: ${name}   (docs/reference/attributes.md)`),
    ...(unused.length > 0
      ? [`not used: ${unused.slice(0, 20).join(", ")}${unused.length > 20 ? ` and ${unused.length - 20} more` : ""}`]
      : []),
    `next: read it, settle what is unsure, then: inboxloop ingest file ${from} --map ${out ?? "mapping.yaml"}`,
  ];
  return out === undefined ? `${text}\n${told.map((line) => `# ${line}`).join("\n")}` : told.join("\n");
}
