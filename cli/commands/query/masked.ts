import { createHmac } from "node:crypto";
import { UserError } from "../../../errors/user-error.ts";
import { jsonKeysOf } from "../../../governance/data-policy/classes.ts";
import { type Mask, masksOf } from "../../../governance/data-policy/masks.ts";
import { GoogleSqlAnalysisError, readQuery } from "../../../packages/googlesql/index.ts";
import { hasRelation, type TableAction } from "../../../warehouse/dataform/graph.ts";
import { lineageOf } from "../../../warehouse/dataform/lineage.ts";
import { isOnlyCounted } from "../../../warehouse/dataform/only-counted.ts";
import { asStatementError } from "../../../warehouse/statement-error.ts";
import type { QueryResult, Row, Warehouse } from "../../../warehouse/warehouse.ts";
import { withProject } from "../../dataform-project.ts";
import type { Environment } from "../../environment.ts";
import { ingestKeys } from "../../ingest-keys.ts";
import type { ReadingRole } from "../../role.ts";

/** What a masked query gives: its rows as the role may see them, and how each column is shown. */
export interface MaskedResult extends QueryResult {
  readonly masks: readonly { readonly column: string; readonly mask: Mask; readonly class: string | null }[];
}

const target = { schema: "query", name: "result" };
const result = `${target.schema}.${target.name}`;

/** Runs one query and shows its rows as a role may see them: by what the columns are made of, over the lineage of the project. */
export async function runMasked(
  world: Environment,
  warehouse: Pick<Warehouse, "query" | "columns">,
  statement: string,
  role: ReadingRole,
): Promise<MaskedResult> {
  const query = readOne(statement, role);
  return withProject(world, {}, async (project) => {
    const view: TableAction = {
      kind: "view",
      id: result,
      target,
      file: "the query",
      tags: [],
      dependsOn: project.graph.actions.filter(hasRelation).map(({ id }) => id),
      disabled: false,
      description: "",
      columns: [],
      query: statement,
      preOps: [],
      postOps: [],
      materialized: false,
      storage: {
        clusterBy: [],
        incrementalPredicates: [],
        requirePartitionFilter: false,
        labels: {},
        additionalOptions: {},
      },
    };
    const graph = { ...project.graph, actions: [...project.graph.actions, view] };
    const { policy, file } = role.stated;
    const lineage = await lineageOf(graph, { columnsOf: project.columnsOf, jsonKeysOf: jsonKeysOf(policy) });
    const problem = lineage.problems.get(result) ?? unknownSource(lineage);
    if (problem) {
      throw refusal(role, `what its columns are made of is not known: ${problem.message}`, "query.unknown-lineage", {
        where: problem.where ?? problem.id,
        next: "read tables of the project, by schema and name; a role that sees everything is not asked",
      });
    }
    const found = await warehouse.query(statement, { signal: world.signal });
    const types = new Map<string, string>();
    for (const table of new Set(lineage.edges.filter(({ to }) => to.table === result).map(({ from }) => from.table)))
      for (const column of (await warehouse.columns(table)) ?? []) types.set(`${table}.${column.name}`, column.type);
    const { columns, refused } = masksOf({
      policy,
      lineage,
      result,
      sees: role.sees,
      columns: found.columns,
      typeOf: ({ table, column }) => types.get(`${table}.${column}`),
      onlyCounts: isOnlyCounted(query),
    });
    const [first] = refused;
    if (first) {
      throw refusal(
        role,
        `${first.column} is ${first.class}, and rows that are chosen, joined, grouped or sorted by it tell who has it`,
        "query.unseen-decides",
        { where: `roles in ${file}`, next: "select it and see nothing, or leave it out" },
      );
    }
    const secret = ingestKeys(world).ids.active.secret;
    const token = (value: unknown): string =>
      `id_${createHmac("sha256", secret)
        .update(`inboxloop mask\0${String(value)}`)
        .digest("hex")
        .slice(0, 12)}`;
    const rows = found.rows.map(
      (row): Row => Object.fromEntries(columns.map(({ name, mask }) => [name, masked(mask, row[name], token)])),
    );
    return {
      ...found,
      rows,
      columns: found.columns.map((column, at) =>
        columns[at]!.mask === "token" ? { ...column, type: "STRING" } : column,
      ),
      masks: columns
        .filter(({ mask }) => mask !== "clear")
        .map(({ name, mask, class: of }) => ({ column: name, mask, class: of })),
    };
  });
}

/** A table that the query reads and whose own making nobody can follow. */
const unknownSource = (lineage: Awaited<ReturnType<typeof lineageOf>>) => lineage.unknownBelow().get(result);

function readOne(statement: string, role: ReadingRole) {
  try {
    return readQuery({ text: statement, file: "the query" });
  } catch (error) {
    if (!(error instanceof GoogleSqlAnalysisError)) throw asStatementError(error);
    throw refusal(role, "only one query may be run, and nothing that makes or changes tables", "query.role-changes", {
      where: "the statement",
      next: 'inboxloop query --role analyst "select isp, count(*) as n from events.messages group by isp"',
    });
  }
}

function masked(mask: Mask, value: unknown, token: (value: unknown) => string): unknown {
  if (mask === "clear" || value === null || value === undefined) return value ?? null;
  if (mask === "token") return token(value);
  if (mask === "nothing") return null;
  const number = Number(value);
  return Number.isFinite(number) ? Number(number.toPrecision(1)) : null;
}

const refusal = (
  role: ReadingRole,
  why: string,
  code: string,
  more: { readonly where: string; readonly next: string },
): UserError => new UserError(`the role ${role.name} may not run this: ${why}`, { code, exit: "check", ...more });
