import { existsSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../../errors/user-error.ts";
import { type GoogleSqlType, parseType, typeName } from "../../packages/googlesql/index.ts";
import type { Column } from "../warehouse.ts";
import { type SegmentFile, segmentsOf } from "./raw-views.ts";

/** Files that stand for a table that a project declares. */
export interface SourceFeed {
  readonly schema: string;
  readonly name: string;
  readonly format: "csv" | "json" | "parquet";
  /** None where only the schema is there: a table without rows. */
  readonly files: readonly SegmentFile[];
  /** From `<dataset>.<table>.schema.json` beside it (BigQuery's schema format), where there is one. */
  readonly columns?: readonly Column[] | undefined;
}

const formats: readonly (readonly [RegExp, SourceFeed["format"]])[] = [
  [/\.csv(\.gz|\.zst)?$/i, "csv"],
  [/\.(ndjson|jsonl|json)(\.gz|\.zst)?$/i, "json"],
  [/\.parquet$/i, "parquet"],
];

/**
 * The tables in a `--sources` folder: files named `<dataset>.<table>.csv|ndjson|jsonl|json|parquet` (CSV and NDJSON may be gzipped)
 * and folders named `<dataset>.<table>` with Parquet files. A `<dataset>.<table>.schema.json` with no rows beside it is an empty
 * table. Throws a UserError for a file whose name says no table.
 */
export async function readSourceFeeds(dir: string): Promise<readonly SourceFeed[]> {
  if (!existsSync(dir)) {
    throw new UserError(`there is no folder ${dir}`, { code: "sources.missing", exit: "config", where: dir });
  }
  const feeds: SourceFeed[] = [];
  const schemas: string[] = [];
  for (const entry of (await readdir(dir, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith(".") || /\.(md|txt|tsv|sha256)$/i.test(entry.name)) continue;
    if (entry.name.endsWith(".schema.json")) {
      schemas.push(entry.name.slice(0, -".schema.json".length));
      continue;
    }
    const path = join(dir, entry.name);
    const [, stem, format] = formatOf(entry.name, entry.isDirectory());
    const [schema, name, ...rest] = stem.split(".");
    if (format === undefined || schema === undefined || name === undefined || rest.length > 0) {
      throw misnamed(entry.name, path);
    }
    const files = entry.isDirectory() ? await segmentsOf(dir, entry.name) : [await segment(path)];
    feeds.push({
      schema,
      name,
      format,
      files,
      columns: await columnsBeside(join(dir, `${schema}.${name}.schema.json`)),
    });
  }
  for (const stem of schemas) {
    const [schema = "", name = "", ...rest] = stem.split(".");
    if (feeds.some((feed) => feed.schema === schema && feed.name === name)) continue;
    const path = join(dir, `${stem}.schema.json`);
    if (name === "" || rest.length > 0) throw misnamed(`${stem}.schema.json`, path);
    feeds.push({ schema, name, format: "json", files: [], columns: await columnsBeside(path) });
  }
  return feeds;
}

const misnamed = (name: string, where: string): UserError =>
  new UserError(
    `"${name}" does not say which table it holds; it wants to be called dataset.table.csv, .ndjson or .parquet`,
    { code: "sources.name", exit: "config", where },
  );

function formatOf(name: string, isDirectory: boolean): readonly [string, string, SourceFeed["format"] | undefined] {
  if (isDirectory) return [name, name, "parquet"];
  for (const [pattern, format] of formats) if (pattern.test(name)) return [name, name.replace(pattern, ""), format];
  return [name, name, undefined];
}

async function segment(path: string): Promise<SegmentFile> {
  const { size, mtimeMs } = await stat(path);
  return { path, bytes: size, modifiedMs: mtimeMs };
}

interface SchemaField {
  readonly name: string;
  readonly type: string;
  readonly mode?: string | undefined;
  readonly fields?: readonly SchemaField[] | undefined;
}
const field: z.ZodType<SchemaField> = z.object({
  name: z.string(),
  type: z.string(),
  mode: z.string().optional(),
  fields: z.lazy(() => z.array(field)).optional(),
});

async function columnsBeside(path: string): Promise<readonly Column[] | undefined> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  let fields: readonly SchemaField[];
  try {
    fields = z.array(field).parse(JSON.parse(text));
  } catch (cause) {
    throw new UserError(`${path} is no BigQuery schema: ${(cause as Error).message.split("\n")[0]}`, {
      code: "sources.schema",
      exit: "config",
      where: path,
      cause,
    });
  }
  return fields.map((found) => ({ name: found.name, type: typeOf(found) }));
}

const legacyNames: Readonly<Record<string, string>> = {
  INTEGER: "INT64",
  FLOAT: "FLOAT64",
  BOOLEAN: "BOOL",
  RECORD: "STRUCT",
};

function typeOf(found: SchemaField): string {
  const upper = found.type.toUpperCase();
  const name = legacyNames[upper] ?? upper;
  const single =
    name === "STRUCT"
      ? `STRUCT<${(found.fields ?? []).map((inner) => `${inner.name} ${typeOf(inner)}`).join(", ")}>`
      : name;
  return found.mode?.toUpperCase() === "REPEATED" ? `ARRAY<${single}>` : single;
}

/** Columns in BigQuery's schema format, as `<dataset>.<table>.schema.json` holds them. */
export const schemaOf = (columns: readonly Column[]): readonly SchemaField[] =>
  columns.map(({ name, type }) => fieldOf(name, parseType(type)));

function fieldOf(name: string, type: GoogleSqlType): SchemaField {
  const isRepeated = type.kind === "ARRAY";
  const single = isRepeated ? type.element : type;
  const mode = isRepeated ? "REPEATED" : "NULLABLE";
  if (single.kind !== "STRUCT") return { name, type: typeName(single), mode };
  return { name, type: "STRUCT", mode, fields: single.fields.map((inner) => fieldOf(inner.name ?? "", inner.type)) };
}
