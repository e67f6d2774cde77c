import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { UserError } from "../../../errors/user-error.ts";
import type { Column, Row, Warehouse } from "../../warehouse.ts";
import { compileProject } from "../compile.ts";
import { actionsById, reachable, sqlName } from "../graph.ts";
import { Bench, type BenchWarehouse, isQuery } from "./bench.ts";
import { columnsOfTarget, readDeclaredColumns } from "./declared-columns.ts";

export interface WriteCaseOptions {
  readonly projectDir: string;
  readonly model: string;
  readonly name: string;
  /** Rows of the first input to start from. */
  readonly rows: number;
  readonly vars: Readonly<Record<string, string>>;
  readonly cacheDir: string;
  /** Where the rows are taken from. */
  readonly from: Warehouse;
  readonly openBench: () => Promise<BenchWarehouse>;
}

export interface WrittenCase {
  readonly dir: string;
  /** Sources whose columns were added to tests/models/types.yaml. */
  readonly typesOf: readonly string[];
  readonly inputRows: number;
  readonly expectedRows: number;
}

/**
 * Writes a row-file test: a few rows of what the model reads directly, chosen so that they belong together (same values in columns
 * of the same name that are keys), and what the model makes of them today. Reads through before trusting: it states what is, not
 * what ought to be.
 */
export async function writeCase(options: WriteCaseOptions): Promise<WrittenCase> {
  const dir = join(options.projectDir, "tests/models", options.model, options.name);
  if (existsSync(dir)) {
    throw new UserError(`there is a test ${options.model}/${options.name} already`, {
      code: "test.exists",
      exit: "usage",
      where: dir,
      next: `inboxloop test new ${options.model} --name <another>`,
    });
  }
  const project = await compileProject(options);
  const declared = await readDeclaredColumns(options.projectDir);
  const warehouse = await options.openBench();
  try {
    const learnt = new Map<string, readonly Column[]>();
    const bench = new Bench(
      warehouse,
      (target) => columnsOfTarget(declared, target) ?? learnt.get(`${target.schema}.${target.name}`),
    );
    await bench.use(project.graph, project.digest);
    const action = bench.resolve(options.model);
    if (!isQuery(action))
      throw new UserError(`${action.id} is a ${action.kind}, not a model`, { code: "test.table", exit: "usage" });
    const byId = actionsById(project.graph);
    // An assertion is waited for, not read.
    const reads = (id: string) =>
      (byId.get(id)?.dependsOn ?? []).filter((other) => byId.get(other)?.kind !== "assertion");
    for (const id of reachable([action.id], reads)) {
      const source = byId.get(id);
      if (source?.kind !== "declaration" || columnsOfTarget(declared, source.target) !== undefined) continue;
      const columns = await options.from.columns(sqlName(source.target));
      if (columns !== undefined) learnt.set(`${source.target.schema}.${source.target.name}`, columns);
    }
    const inputs = new Map<string, { readonly columns: readonly Column[]; readonly rows: readonly Row[] }>();
    const seen = new Map<string, Set<unknown>>();
    for (const id of action.dependsOn) {
      const input = byId.get(id);
      if (input === undefined || input.kind === "assertion") continue;
      const found = await sample(input.target, seen, options);
      inputs.set(`${input.target.schema}.${input.target.name}`, found);
    }
    await bench.layOut(
      action,
      bench.given(Object.fromEntries([...inputs].map(([name, input]) => [name, input.rows])), action, dir),
    );
    const expected = await bench.query(action, action.query);
    await mkdir(dir, { recursive: true });
    await writeFile(
      join(dir, "inputs.yaml"),
      yaml(Object.fromEntries([...inputs].map(([name, input]) => [name, input.rows.map(withoutNulls)]))),
    );
    await writeFile(join(dir, "expect.yaml"), yaml({ query: expected.rows }));
    if (learnt.size > 0) await addTypes(join(options.projectDir, "tests/models/types.yaml"), learnt);
    if (Object.keys(options.vars).length > 0) await writeFile(join(dir, "vars.yaml"), yaml(options.vars));
    return {
      dir,
      typesOf: [...learnt.keys()],
      inputRows: [...inputs.values()].reduce((sum, input) => sum + input.rows.length, 0),
      expectedRows: expected.rows.length,
    };
  } finally {
    await warehouse.close();
  }
}

const isKey = (column: Column): boolean =>
  /(_id|_hash|_key|^id|^key)$/i.test(column.name) && /^(STRING|INT64)$/.test(column.type);

/** Some rows of a table: those that share a key with rows already taken, where there are such keys. */
async function sample(
  target: Parameters<typeof sqlName>[0],
  seen: Map<string, Set<unknown>>,
  options: WriteCaseOptions,
): Promise<{ readonly columns: readonly Column[]; readonly rows: readonly Row[] }> {
  const table = sqlName(target);
  const { columns } = await options.from.query(`select * from ${table} limit 0`);
  const shared = columns.filter((column) => isKey(column) && (seen.get(column.name.toLowerCase())?.size ?? 0) > 0);
  const literal = (value: unknown) =>
    typeof value === "bigint" ? String(value) : `'${String(value).replace(/\\/g, "\\\\").replace(/'/g, "\\'")}'`;
  const where = shared
    .map((column) => `\`${column.name}\` in (${[...seen.get(column.name.toLowerCase())!].map(literal).join(", ")})`)
    .join(" or ");
  const limit = where === "" ? options.rows : options.rows * 4;
  const { rows } = await options.from.query(
    `select * from ${table}${where === "" ? "" : ` where ${where}`} limit ${limit}`,
  );
  for (const column of columns.filter(isKey)) {
    const known = seen.get(column.name.toLowerCase()) ?? new Set();
    for (const row of rows)
      if (row[column.name] !== null && row[column.name] !== undefined) known.add(row[column.name]);
    seen.set(column.name.toLowerCase(), known);
  }
  return { columns, rows };
}

const withoutNulls = (row: Row): Row => Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));

/** Tests run without the warehouse: what it said of the columns of sources is kept beside them. */
async function addTypes(file: string, types: ReadonlyMap<string, readonly Column[]>): Promise<void> {
  const before = existsSync(file) ? (await readFile(file, "utf8")).replace(/\n*$/, "\n") : "";
  const added = [...types].map(([name, columns]) => [
    name,
    Object.fromEntries(columns.map((column) => [column.name, column.type])),
  ]);
  await writeFile(file, before + stringify(Object.fromEntries(added), { lineWidth: 0 }));
}

/** A row a line, values as the tests read them back. */
function yaml(document: unknown): string {
  const plain = JSON.parse(
    JSON.stringify(document, (_key, value) => {
      if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
      return value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value;
    }),
  ) as unknown;
  return stringify(plain, { collectionStyle: "any", lineWidth: 0 });
}
