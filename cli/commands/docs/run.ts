import { UserError } from "../../../errors/user-error.ts";
import { type Action, type Graph, sqlName } from "../../../warehouse/dataform/graph.ts";
import { hasCard, nearNames, type TableCard, tableCard } from "../../../warehouse/dataform/table-card.ts";
import type { Warehouse } from "../../../warehouse/warehouse.ts";
import { type ProjectOptions, withProject } from "../../dataform-project.ts";
import type { Environment } from "../../environment.ts";

export interface Documented {
  /** Null where the warehouse does not have the table. A view is counted neither nor searched: it is as fresh as what it reads. */
  readonly freshness: {
    readonly rows: number | null;
    readonly by: string | null;
    readonly newest: string | null;
  } | null;
}
export type DocumentedTable = TableCard & Documented;

/** `inboxloop docs`: one table's card, or all of them without what only the warehouse knows. */
export async function docsCommand(
  world: Environment,
  wanted: string | undefined,
  options: ProjectOptions,
): Promise<DocumentedTable | { readonly tables: readonly TableCard[] }> {
  return withProject(world, options, async ({ graph, engine, columnsOf }) => {
    if (wanted === undefined)
      return {
        tables: tablesOf(graph)
          .map((action) => tableCard(graph, action, undefined))
          .sort((a, b) => (a.table < b.table ? -1 : 1)),
      };
    const action = tableNamed(graph, wanted);
    const { warehouse } = await engine();
    const built = await warehouse.columns(sqlName(action.target));
    const typed = built ?? (action.kind === "declaration" ? await columnsOf(action.target) : undefined);
    const card = tableCard(graph, action, typed);
    return {
      ...card,
      freshness: built === undefined ? null : await freshnessOf(warehouse, action, card, world.signal),
    };
  });
}

const tablesOf = (graph: Graph): readonly Action[] => graph.actions.filter(hasCard);

function tableNamed(graph: Graph, wanted: string): Action {
  const tables = tablesOf(graph);
  const nameOf = ({ target }: Action) => `${target.schema}.${target.name}`;
  const lower = wanted.toLowerCase();
  const exact = tables.filter((one) => nameOf(one).toLowerCase() === lower || one.target.name.toLowerCase() === lower);
  if (exact.length === 1) return exact[0]!;
  const near = exact.length > 1 ? exact.map(nameOf) : nearNames(lower, tables.map(nameOf));
  throw new UserError(
    exact.length > 1
      ? `"${wanted}" is the name of ${near.join(" and ")}`
      : `there is no table "${wanted}"${near.length > 0 ? `. Did you mean ${near.join(" or ")}?` : ""}`,
    {
      code: exact.length > 1 ? "docs.ambiguous" : "docs.no-such-table",
      exit: "usage",
      next: near.length > 0 ? `inboxloop docs ${near[0]}` : "inboxloop docs",
    },
  );
}

/** Times by which a table's newest row is told, the best first: when something happened before when it was worked out. */
const telling = [
  "received_at",
  "occurred_at",
  "sent_at",
  "activity_date",
  "sent_date",
  "decided_at",
  "labelled_at",
  "as_of_at",
];

async function freshnessOf(
  warehouse: Warehouse,
  action: Action,
  { columns }: TableCard,
  signal: AbortSignal,
): Promise<Documented["freshness"]> {
  const by =
    telling.find((name) => columns.some((one) => one.name === name)) ??
    columns.find(({ role, type }) => role === "time" && /^(TIMESTAMP|DATE)$/.test(type ?? ""))?.name ??
    null;
  if (action.kind === "view") return { rows: null, by: null, newest: null };
  const { rows } = await warehouse.query(
    `select count(*) as n_rows, ${by === null ? "cast(null as string)" : `cast(max(${by}) as string)`} as newest from ${sqlName(action.target)}`,
    { signal, file: "docs" },
  );
  const newest = rows[0]?.["newest"];
  return {
    rows: Number(rows[0]?.["n_rows"]),
    by,
    newest: newest === null || newest === undefined ? null : String(newest),
  };
}
