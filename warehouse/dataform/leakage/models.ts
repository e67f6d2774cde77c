import {
  GoogleSqlError,
  type Query,
  readScript,
  type Source,
  type Statement,
  UnsupportedGoogleSql,
} from "../../../packages/googlesql/index.ts";
import type { Column as SourceColumn } from "../../warehouse.ts";
import type { Action, Graph, TableAction, Target } from "../graph.ts";
import { placeInFile } from "../place-in-file.ts";
import { Facts, type Need, type Val } from "./knowledge.ts";
import { resolveQuery } from "./query.ts";
import { Analysis, type Relation } from "./relation.ts";
import { type Accepted, type Knowledge, type KnownTable, sourceRelation, unknownRelation } from "./sources.ts";
import { union } from "./union.ts";

/** A model whose query could not be followed, and why. */
export interface Problem {
  readonly id: string;
  readonly message: string;
  readonly where: string;
}

/** What every table of a compiled project says, and when that is known. Tables are read when they are first asked for. */
export class Models {
  readonly problems = new Map<string, Problem>();
  private readonly graph: Graph;
  private readonly asOfText: string;
  private readonly knowledge: Knowledge;
  private readonly byName = new Map<string, Action>();
  private readonly made = new Map<string, Relation>();
  private readonly columns: ReadonlyMap<string, readonly SourceColumn[]>;

  /** `columns`: those of declarations, by id. `asOfText`: the as-of instant that the graph was compiled for, as in its queries. */
  constructor(
    graph: Graph,
    columns: ReadonlyMap<string, readonly SourceColumn[]>,
    asOfText: string,
    knowledge: Knowledge,
  ) {
    this.graph = graph;
    this.knowledge = knowledge;
    this.columns = columns;
    this.asOfText = asOfText;
    for (const action of graph.actions) this.byName.set(nameOf(action.target), action);
  }

  /** What is known of an action's table to whoever reads it. */
  relationOf(action: Action): Relation {
    const before = this.made.get(action.id);
    if (before) return before;
    // Whoever comes by again while it is being made reads itself.
    this.made.set(action.id, unknownRelation(action.id, undefined));
    const relation = withVia(this.make(action), action.id);
    this.made.set(action.id, relation);
    return relation;
  }

  private make(action: Action): Relation {
    const name = nameOf(action.target);
    const known = this.knowledge.tables.get(name);
    if (known && known.kind !== "query") {
      const columns =
        this.columns.get(action.id)?.map((one) => one.name) ??
        action.columns.flatMap(({ path }) => (path.length === 1 ? [path[0]!] : []));
      if (columns.length > 0) return sourceRelation(name, known, columns);
    }
    const isOperation = action.kind === "operation" && action.hasOutput;
    if (action.kind !== "table" && action.kind !== "view" && action.kind !== "incremental" && !isOperation)
      return unknownRelation(action.id, this.columns.get(action.id));
    try {
      const relation =
        action.kind === "operation" ? this.follow(action, action.queries) : this.read(action as TableAction);
      return known ? said(name, relation, known, this.knowledge.accepted) : relation;
    } catch (error) {
      if (!(error instanceof GoogleSqlError)) throw error;
      const where = placeInFile(error, this.graph.texts) ?? action.file;
      this.problems.set(action.id, { id: action.id, message: error.message, where });
      return unknownRelation(action.id, undefined);
    }
  }

  /** The queries of a model: what the first run reads, and what those after it do, who find the table there. */
  private read(action: TableAction): Relation {
    const first = this.follow(action, [...action.preOps, action.query]);
    const again = action.kind === "incremental" ? action.incremental : undefined;
    if (!again) return first;
    // What is there already was judged as it was made.
    this.made.set(action.id, settled(first));
    const later = this.follow(action, [...again.preOps, again.query]);
    // Every row comes out of one or the other.
    return { ...union([first, later], new Set()), unique: first.unique };
  }

  private follow(action: Action, texts: readonly string[]): Relation {
    const source: Source = { text: texts.join(";\n"), file: action.file };
    const last = readScript(source).statements.at(-1);
    const query = last && queryOf(last);
    if (!query) throw new UnsupportedGoogleSql(last?.kind ?? "nothing", "a model must end in a query");
    const analysis = new Analysis(
      source,
      {
        table: (path) => {
          const found = this.byName.get(path.slice(-2).join(".").toLowerCase());
          return found && this.relationOf(found);
        },
        function: () => undefined,
      },
      this.asOfText,
    );
    return resolveQuery(analysis, query, undefined, new Map(), Facts.of([]), new Set());
  }
}

/** The query that makes the table: of a model as it is, of an operation that of CREATE TABLE or CREATE VIEW. */
function queryOf(statement: Statement): Query | undefined {
  if (statement.kind === "query-statement" || statement.kind === "create-view") return statement.query;
  return statement.kind === "create-table" ? statement.query : undefined;
}

function settled(relation: Relation): Relation {
  const free = (one: Val): Val => ({
    ...one,
    needs: [],
    when: undefined,
    fields: one.fields?.map((field) => ({ name: field.name, val: free(field.val) })),
    element: one.element && free(one.element),
  });
  const columns = relation.columns.map((column) => ({ ...column, val: free(column.val) }));
  return { ...relation, columns, rows: [], exists: [] };
}

export const nameOf = (target: Target): string => `${target.schema}.${target.name}`.toLowerCase();

/** What is stated of a table that its query is read of: ids, what is known as it is sent, what is accepted. */
function said(name: string, relation: Relation, known: KnownTable, accepted: readonly Accepted[]): Relation {
  const sent = relation.columns.find((column) => column.name?.toLowerCase() === known.sentAt)?.val.time?.at;
  const columns = relation.columns.map((column) => {
    const key = column.name?.toLowerCase() ?? "";
    const domain = known.ids?.[key] ?? (key === known.sentAt ? "send" : column.val.domain);
    const isKnown = known.known?.includes(key) || (known.ids?.[key] !== undefined && known.ids[key] !== "campaign");
    const taken = accepted.filter((one) => one.column === `${name}.${key}`).flatMap((one) => one.from);
    const needs = isKnown
      ? []
      : column.val.needs.filter(
          (need) => ![`${need.origin.table}.${need.origin.column}`, ...need.via].some((one) => taken.includes(one)),
        );
    const time =
      column.val.time && isKnown && key !== "is_mature" ? { ...column.val.time, self: undefined } : column.val.time;
    return {
      ...column,
      val: {
        ...column.val,
        needs,
        time,
        ...(domain ? { domain } : {}),
        ...(domain === "mail" && sent !== undefined ? { mail: sent } : {}),
      },
    };
  });
  const ids = new Map(columns.map((column) => [column.name?.toLowerCase(), column.val.id]));
  const rows: readonly Need[] =
    known.rows === "sent" && sent !== undefined
      ? [
          {
            origin: { table: name, column: "*", kind: "send" },
            bounds: [{ at: sent, plus: 0 }],
            via: [],
            isSoft: false,
            tags: [],
            early: undefined,
          },
        ]
      : relation.rows;
  return {
    ...relation,
    columns,
    rows,
    exists: known.rows === "sent" ? rows : relation.exists,
    unique: [...relation.unique, ...(known.unique ?? []).map((key) => key.map((one) => ids.get(one) ?? -1))],
  };
}

/** Marks what a relation says with the table that it now is a column of. */
function withVia(relation: Relation, id: string): Relation {
  const mark = (needs: readonly Need[], column: string): readonly Need[] =>
    needs.map((need) =>
      need.via.at(-1) === `${id}.${column}` ? need : { ...need, via: [...need.via, `${id}.${column}`] },
    );
  const marked = (one: Val, column: string): Val => ({
    ...one,
    needs: mark(one.needs, column),
    when: one.when && { ...one.when, needs: mark(one.when.needs, column) },
    fields: one.fields?.map((field) => ({ name: field.name, val: marked(field.val, `${column}.${field.name}`) })),
    element: one.element && marked(one.element, column),
  });
  return {
    ...relation,
    columns: relation.columns.map((column) => ({ ...column, val: marked(column.val, column.name ?? "?") })),
    rows: mark(relation.rows, "*"),
    exists: mark(relation.exists, "*"),
  };
}
