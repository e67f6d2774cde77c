import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { LineCounter, parseDocument } from "yaml";
import { z } from "zod";
import { UserError } from "../../../errors/user-error.ts";
import type { Row } from "../../warehouse.ts";
import type { ExpectedRows } from "./compare-rows.ts";

/** Rows by table name, as a test gives them. */
export type GivenTables = Readonly<Record<string, readonly Row[]>>;

/** One folder of tests/models/<model>/<case>/. */
export interface ModelCase {
  readonly model: string;
  readonly name: string;
  /** The folder, for messages. */
  readonly dir: string;
  /** Arrive one after the other; the model is built after each. One batch unless batches.yaml says otherwise. */
  readonly batches: readonly GivenTables[];
  /** What the model's own table holds before; undefined when it is not there yet. */
  readonly prior?: readonly Row[] | undefined;
  readonly vars: Readonly<Record<string, string>>;
  /** What the clock says, where `vars.yaml` holds it still. */
  readonly now?: Date | undefined;
  readonly expect: readonly Expectation[];
}

export interface Expectation extends ExpectedRows {
  /** The rows of the model's query, of its table after all builds, or of a CTE in the query. */
  readonly of: "query" | "table" | "cte";
  readonly name: string;
}

const rows = z.preprocess((value) => value ?? [], z.array(z.record(z.string(), z.unknown())));
const tables = z.preprocess((value) => value ?? {}, z.record(z.string(), rows));
/** The vars of a vars.yaml. `now` is none of them: there the clock stands still. */
export interface TestVars {
  readonly vars: Readonly<Record<string, string>>;
  readonly now?: Date | undefined;
}

/** A DATE (midnight, UTC), or an instant in ISO 8601; without a zone it is UTC's. */
const instant = z.string().transform((text, context) => {
  const [, date, time = "00:00:00", zone = "Z"] =
    /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?) ?(Z|UTC|[+-]\d{2}:?\d{2})?)?$/i.exec(text) ?? [];
  const at = new Date(`${date}T${time}${/^utc$/i.test(zone) ? "Z" : zone}`);
  if (!Number.isNaN(at.getTime())) return at;
  context.addIssue({
    code: "custom",
    message: `"${text}" is no instant: write 2026-03-10, or 2026-03-10T08:00:00Z`,
  });
  return z.NEVER;
});

export const varsFile: z.ZodType<TestVars> = z
  .preprocess(
    (value) => value ?? {},
    z
      .object({ now: instant.optional() })
      .catchall(z.union([z.string(), z.number(), z.boolean(), z.bigint()]).transform(String)),
  )
  .transform(({ now, ...vars }) => ({ vars: vars as Record<string, string>, now }));

const expectation = z.union([
  rows.transform((list) => ({ rows: list, isOrdered: false })),
  z
    .strictObject({ rows, ordered: z.boolean().default(false) })
    .transform((found) => ({ rows: found.rows, isOrdered: found.ordered })),
]);
const expectations = z.record(z.string(), expectation);
const prior = z.union([rows, z.strictObject({ rows }).transform((found) => found.rows)]);

const known = new Set(["inputs.yaml", "batches.yaml", "prior.yaml", "vars.yaml", "expect.yaml", "README.md"]);

/** All row-file tests below a folder (`tests/models`), by model and name. None when the folder is not there. */
export async function readModelCases(root: string): Promise<readonly ModelCase[]> {
  const cases: ModelCase[] = [];
  for (const model of await foldersIn(root)) {
    for (const name of await foldersIn(join(root, model))) cases.push(await readModelCase(root, model, name));
  }
  return cases;
}

const foldersIn = async (dir: string): Promise<readonly string[]> =>
  (await readdir(dir, { withFileTypes: true }).catch(() => []))
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
    .map((entry) => entry.name)
    .sort();

async function readModelCase(root: string, model: string, name: string): Promise<ModelCase> {
  const dir = join(root, model, name);
  const files = (await readdir(dir)).filter((file) => !file.startsWith("."));
  const stray = files.find((file) => !known.has(file));
  if (stray !== undefined) {
    throw trouble(`a row-file test has no file "${stray}"; it may have ${[...known].join(", ")}`, join(dir, stray));
  }
  const read = async <T>(file: string, schema: z.ZodType<T>): Promise<T | undefined> =>
    files.includes(file) ? parseYaml(join(dir, file), await readFile(join(dir, file), "utf8"), schema) : undefined;
  const expected = await read("expect.yaml", expectations);
  if (expected === undefined || Object.keys(expected).length === 0) {
    throw trouble(
      `the test ${model}/${name} expects nothing`,
      join(dir, "expect.yaml"),
      "write expect.yaml with the rows of `query`",
    );
  }
  const inputs = await read("inputs.yaml", tables);
  const more = await read("batches.yaml", z.array(tables));
  return {
    model,
    name,
    dir,
    batches: [...(inputs === undefined && more !== undefined ? [] : [inputs ?? {}]), ...(more ?? [])],
    prior: await read("prior.yaml", prior),
    ...((await read("vars.yaml", varsFile)) ?? { vars: {} }),
    expect: Object.entries(expected).map(([key, value]) => ({
      of: key === "query" || key === "table" ? key : ("cte" as const),
      name: key,
      ...value,
    })),
  };
}

/** Whole numbers come as bigints and times as text, so that nothing is lost on the way to a typed column. */
export function parseYaml<T>(path: string, text: string, schema: z.ZodType<T>): T {
  const lines = new LineCounter();
  const document = parseDocument(text, { intAsBigInt: true, lineCounter: lines, merge: true });
  const [error] = document.errors;
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0]);
    throw trouble(error.message.split("\n")[0]!.replace(/ at line.*$/, ""), `${path}:${line}:${col}`);
  }
  const checked = schema.safeParse(document.toJS({ maxAliasCount: 10_000 }));
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  const node: unknown = document.getIn(
    issue!.path.map((key) => (typeof key === "symbol" ? String(key) : key)),
    true,
  );
  const range = (node as { range?: readonly number[] } | undefined)?.range;
  const place = range?.[0] === undefined ? undefined : lines.linePos(range[0]);
  const at = issue!.path.length > 0 ? ` at ${issue!.path.join(".")}` : "";
  throw trouble(`${issue!.message}${at}`, place === undefined ? path : `${path}:${place.line}:${place.col}`);
}

const trouble = (message: string, where: string, next?: string): UserError =>
  new UserError(message, { code: "test.file", exit: "config", where, next });
