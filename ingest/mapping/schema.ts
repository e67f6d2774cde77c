import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { LineCounter, parseDocument } from "yaml";
import { z } from "zod";
import { UserError } from "../../errors/user-error.ts";
import { isRawTable, rawColumns } from "../door/raw-row.ts";
import { isCharset } from "../files/charset.ts";
import { lookupsIn } from "./lookup-expressions.ts";
import { isTimeFormat, zoneOf } from "./times.ts";

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);

const cast = z.enum(["text", "integer", "number", "money", "boolean", "instant", "json"]);
export type Cast = z.output<typeof cast>;

const zone = z
  .string()
  .refine((name) => zoneOf(name) !== undefined, "no such zone: an IANA name, UTC or an offset like -06:00");
const format = z
  .string()
  .refine(isTimeFormat, "no format of times: dd/MM/yyyy HH:mm, M/d/yyyy h:mm:ss a, epoch-micros ...");
const decimal = z.enum([".", ","]);

const column = z.strictObject({
  column: z.string(),
  cast: cast.optional(),
  /** How the column writes its times; several are tried in turn. */
  format: z.union([format, z.array(format).min(1)]).optional(),
  /** Of times that name none. */
  zone: zone.optional(),
  /** What stands before the fraction of a number: `,` reads 1.234,50. */
  decimal: decimal.optional(),
  /** Value in the file -> value of ours. */
  values: z.record(z.string(), scalar).optional(),
  /** What a value that is not in `values` becomes; without it the row is a dead letter. `keep` leaves it as it is. */
  otherwise: scalar.optional(),
  /** What an empty value becomes. */
  default: scalar.optional(),
  /** The column may be missing from the file. */
  optional: z.boolean().optional(),
  lower: z.boolean().optional(),
});
export type ColumnExpression = z.output<typeof column>;

/** A column of another file's record: the one whose key is what stands in this record's column `by`. It is read as a column of one's own is. */
const lookup = z.strictObject({
  ...column.omit({ column: true }).shape,
  /** One of the mapping's `lookups`. */
  lookup: z.string(),
  by: z.string(),
  of: z.string(),
  /** Null where no file has the record; without it the row is a dead letter. */
  optional: z.boolean().optional(),
});
export type LookupExpression = z.output<typeof lookup>;

const row = z.strictObject({ row: z.string() });
/** With `optional` null where a column of it is missing or empty, so that another may stand in. */
const text = z.strictObject({ text: z.string(), optional: z.boolean().optional() });

export type Scalar = z.output<typeof scalar>;
export type Expression =
  | Scalar
  | ColumnExpression
  | LookupExpression
  | { readonly row: string }
  | { readonly text: string; readonly optional?: boolean | undefined }
  | { readonly hash: Expression }
  | { readonly smtp: Expression; readonly give: "code" | "enhanced_code" | "class" }
  | { readonly object: Readonly<Record<string, Expression>> }
  | { readonly list: readonly Expression[] }
  | { readonly first: readonly Expression[] };

const expression: z.ZodType<Expression> = z.lazy(() =>
  z.union([
    scalar,
    column,
    lookup,
    row,
    text,
    z.strictObject({ hash: expression }),
    /** What a mail server said: its reply code, its enhanced code, or the class of bounce that they make. */
    z.strictObject({ smtp: expression, give: z.enum(["code", "enhanced_code", "class"]) }),
    z.strictObject({ object: z.record(z.string(), expression) }),
    z.strictObject({ list: z.array(expression) }),
    z.strictObject({ first: z.array(expression) }),
  ]),
);

export type Condition =
  | {
      readonly column: string;
      readonly equals?: Scalar | undefined;
      readonly in?: readonly Scalar[] | undefined;
      readonly above?: number | undefined;
      readonly below?: number | undefined;
      readonly present?: boolean | undefined;
      /** What the text ends with. */
      readonly ends?: string | undefined;
      readonly optional?: boolean | undefined;
    }
  | { readonly columns: readonly string[]; readonly without?: readonly string[] | undefined }
  | { readonly file: string }
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly not: Condition };

const condition: z.ZodType<Condition> = z.lazy(() =>
  z.union([
    z
      .strictObject({
        column: z.string(),
        equals: scalar.optional(),
        in: z.array(scalar).optional(),
        above: z.number().optional(),
        below: z.number().optional(),
        present: z.boolean().optional(),
        ends: z.string().min(1).optional(),
        optional: z.boolean().optional(),
      })
      .refine(
        (test) =>
          [test.equals, test.in, test.above, test.below, test.present, test.ends].some((value) => value !== undefined),
        "a condition needs one of equals, in, above, below, present, ends",
      ),
    /** The record has all of these columns, and none of those; whatever stands in them. */
    z.strictObject({ columns: z.array(z.string()), without: z.array(z.string()).optional() }),
    /** The file's name contains this. */
    z.strictObject({ file: z.string() }),
    z.strictObject({ all: z.array(condition) }),
    z.strictObject({ any: z.array(condition) }),
    z.strictObject({ not: condition }),
  ]),
);

const mapping = z.strictObject({
  version: z.literal(1),
  /** What the export is, for people. */
  description: z.string().optional(),
  format: z.enum(["csv", "ndjson", "parquet", "avro"]).optional(),
  csv: z
    .strictObject({
      delimiter: z.string().length(1).optional(),
      quote: z.string().length(1).optional(),
      columns: z.array(z.string()).optional(),
      /** How the file's bytes are letters, where it is not UTF-8 (or UTF-16 with its mark): windows-1252, iso-8859-15, shift_jis ... */
      charset: z.string().refine(isCharset, "no such charset").optional(),
      /** Which of several columns of one name counts; `number` keeps all, the second as `Name#2`. */
      repeated: z.enum(["first", "last", "number"]).optional(),
    })
    .optional(),
  /** The zone of times that name none, where a column does not say its own. */
  zone: zone.optional(),
  /** What stands before the fraction of numbers, where a column does not say its own. */
  decimal: decimal.optional(),
  /** Texts that mean that nothing is there; the empty text always does. */
  nulls: z.array(z.string()).optional(),
  /** Records of one file whose details stand in others, given in the same run and joined by a column that both have. */
  details: z.strictObject({ by: z.string(), of: condition, in: condition }).optional(),
  /** Records of other files of the same run in which values are looked up: which records, and the column that is their key. */
  lookups: z.record(z.string(), z.strictObject({ in: condition, by: z.string() })).optional(),
  rows: z
    .array(
      z.strictObject({
        table: z.string(),
        when: condition.optional(),
        set: z.record(z.string(), expression),
      }),
    )
    .min(1),
});
export type Mapping = z.output<typeof mapping>;

/** What a file of one's own may say about a preset: how this account's files are written. All else stands in the preset. */
const extension = z.strictObject({
  version: z.literal(1),
  extends: z.string(),
  description: z.string().optional(),
  ...mapping.pick({ format: true, csv: true, zone: true, decimal: true, nulls: true }).shape,
  /** How the file writes the times that the preset reads, instead of the preset's own formats; those in epoch numbers stay. */
  times: z.union([format, z.array(format).min(1)]).optional(),
});

/** The preset, read as the extension says. */
function extended(preset: Mapping, { version: _, extends: __, times, ...more }: z.output<typeof extension>): Mapping {
  const said = Object.fromEntries(Object.entries(more).filter(([, value]) => value !== undefined));
  const rewrite = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(rewrite);
    if (value === null || typeof value !== "object") return value;
    const made = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, rewrite(inner)]));
    const isEpoch = [made["format"]].flat().some((one) => String(one).startsWith("epoch-"));
    return made["cast"] === "instant" && !isEpoch ? { ...made, format: times } : made;
  };
  return { ...preset, ...said, rows: times === undefined ? preset.rows : (rewrite(preset.rows) as Mapping["rows"]) };
}

/** Columns that a mapping may set beside those of the table: what the door turns into columns. */
const beside: Readonly<Record<string, readonly string[]>> = {
  events: ["user_id", "event_metadata", "consent_flag", "provenance_id", "mailing_id"],
};
const notMappable = new Set(["dead_letters", "ingest_ledger"]);

/** Mappings that come with us, for exports that many have. */
export const presetNames = [
  "activecampaign",
  "braze",
  "brevo",
  "customerio",
  "hubspot",
  "iterable",
  "klaviyo",
  "mailchimp",
  "marketo",
  "salesforce-marketing-cloud",
] as const;

export const readPreset = (name: (typeof presetNames)[number]): Mapping =>
  readMapping(fileURLToPath(new URL(`presets/${name}.yaml`, import.meta.url)));

/** A preset by its name, or the mapping in a file. */
export function namedMapping(nameOrPath: string, cwd: string): Mapping {
  const preset = presetNames.find((name) => name === nameOrPath);
  return preset ? readPreset(preset) : readMapping(resolve(cwd, nameOrPath));
}

/** Reads and checks a mapping. What is wrong with it is a UserError with its line. */
export function readMapping(path: string): Mapping {
  let source: string;
  try {
    source = readFileSync(path, "utf8");
  } catch (cause) {
    throw new UserError(`the mapping cannot be read: ${path}`, {
      code: "ingest.no-mapping",
      exit: "usage",
      where: path,
      next: "docs/reference/mapping.md shows one",
      cause,
    });
  }
  return parseMapping(source, path);
}

export function parseMapping(source: string, path: string): Mapping {
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines, merge: true });
  const wrong = (message: string, offset: number | undefined): UserError =>
    new UserError(`the mapping is not valid: ${message}`, {
      code: "ingest.bad-mapping",
      exit: "usage",
      where: offset === undefined ? path : `${path}:${lines.linePos(offset).line}`,
      next: "docs/reference/mapping.md lists what may stand there",
    });
  const [first] = document.errors;
  if (first) throw wrong(first.message.split("\n")[0]!, first.pos[0]);
  const at = (keys: readonly PropertyKey[]): number | undefined => {
    for (let length = keys.length; length > 0; length--) {
      const node = document.getIn(keys.slice(0, length), true) as { range?: [number, number, number] } | undefined;
      if (node?.range) return node.range[0];
    }
    return undefined;
  };
  if (document.has("extends")) {
    const own = extension.safeParse(document.toJS());
    if (!own.success) {
      const issue = own.error.issues[0]!;
      throw wrong(`${issue.path.join(".") || "the document"}: ${issue.message}`, at(issue.path));
    }
    const preset = presetNames.find((name) => name === own.data.extends);
    if (preset === undefined)
      throw wrong(`there is no preset "${own.data.extends}": ${presetNames.join(", ")}`, at(["extends"]));
    return extended(readPreset(preset), own.data);
  }
  const checked = mapping.safeParse(document.toJS());
  if (!checked.success) {
    const issue = checked.error.issues[0]!;
    throw wrong(`${issue.path.join(".") || "the document"}: ${issue.message}`, at(issue.path));
  }
  checked.data.rows.forEach(({ table, set }, index) => {
    if (!isRawTable(table) || notMappable.has(table))
      throw wrong(`no table "${table}" to write to`, at(["rows", index, "table"]));
    const known = new Set([...rawColumns(table).map(({ name }) => name), "user_id", ...(beside[table] ?? [])]);
    for (const name of Object.keys(set)) {
      if (!known.has(name)) throw wrong(`raw.${table} has no column "${name}"`, at(["rows", index, "set", name]));
    }
  });
  for (const { lookup: name } of lookupsIn(checked.data)) {
    if (!Object.hasOwn(checked.data.lookups ?? {}, name))
      throw wrong(`it looks up "${name}", which is none of its lookups`, at(["rows"]));
  }
  return checked.data;
}
