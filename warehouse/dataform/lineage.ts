import {
  bitOf,
  type Catalog,
  type CatalogColumn,
  GoogleSqlAnalysisError,
  GoogleSqlError,
  type Influence,
  isDirect,
  jsonShape,
  type LineageTable,
  leaves,
  type Node,
  parseType,
  pathOf,
  type Query,
  type QueryLineage,
  readScript,
  type Script,
  type Shape,
  type Source,
  type Statement,
  shapeOfType,
  sourceTable,
  sourceValue,
  type TranslatedColumn,
  translateQuery,
  UnsupportedGoogleSql,
  type UserFunction,
  type UserProcedure,
  walk,
} from "../../packages/googlesql/index.ts";
import type { Column } from "../warehouse.ts";
import { withoutAccessPolicies } from "./access-policies.ts";
import { type Action, dependents, type Graph, inDependencyOrder, type TableAction, type Target } from "./graph.ts";
import { type LineageEdge, LineageGraph, type LineageProblem, type LineageTableInfo } from "./lineage-graph.ts";
import { Prelude } from "./lineage-prelude.ts";
import { isOwnDelete, namesIn } from "./own-delete.ts";
import { placeInFile } from "./place-in-file.ts";
import { routinesOf } from "./project-routines.ts";

export interface LineageSources {
  /** The columns of something declared; undefined when they are not known. */
  readonly columnsOf: (target: Target) => Promise<readonly Column[] | undefined>;
  /** The keys of a JSON column of something declared (`schema.table.column`) that are told apart; undefined: it is one thing. */
  readonly jsonKeysOf?: ((column: string) => readonly string[] | undefined) | undefined;
}

interface Followed {
  readonly lineage: QueryLineage;
  /** The columns as the analyzer sees them, where it serves the query. */
  readonly types: readonly TranslatedColumn[] | undefined;
}

/**
 * Column lineage across a compiled graph: tables, views, incrementals (what the first run and what the following ones read,
 * together) and operations that create or fill tables from queries. Assertions give nothing to anybody and are left out. An
 * action that lineage does not understand becomes a problem of the graph, which every question that meets it answers with.
 */
export async function lineageOf(stated: Graph, sources: LineageSources): Promise<LineageGraph> {
  // Who may see rows makes none of them.
  const { graph } = withoutAccessPolicies(stated);
  const builder = new Builder(functionsOf(graph), proceduresOf(graph), graph.texts);
  for (const action of inDependencyOrder(graph.actions)) {
    if (action.kind === "declaration")
      builder.declare(action, await sources.columnsOf(action.target), sources.jsonKeysOf);
    else if (action.kind !== "assertion" && !action.disabled) builder.add(action);
  }
  return new LineageGraph(builder.infos, builder.edges(), builder.problems, dependents(graph.actions));
}

const key = (...parts: readonly string[]): string => parts.join(".").toLowerCase();

/** The functions that the project makes, by `dataset.name`. */
export const functionsOf = (graph: Graph): ReadonlyMap<string, UserFunction> =>
  new Map(
    graph.actions
      .flatMap(routinesOf)
      .flatMap(({ key: name, definition, source }) =>
        definition.kind === "create-function" ? [[name, { kind: "sql", definition, source }] as const] : [],
      ),
  );

/** The procedures that the project makes, by `dataset.name`. */
const proceduresOf = (graph: Graph): ReadonlyMap<string, UserProcedure> =>
  new Map(
    graph.actions
      .flatMap(routinesOf)
      .flatMap(({ key: name, definition, source }) =>
        definition.kind === "create-procedure" ? [[name, { definition, source }] as const] : [],
      ),
  );

class Builder {
  readonly infos = new Map<string, LineageTableInfo>();
  readonly problems = new Map<string, LineageProblem>();
  private readonly tables = new Map<string, LineageTable>();
  private readonly ids = new Map<string, string>();
  /** Types of columns, where the analyzer could tell them. */
  private readonly types = new Map<string, readonly CatalogColumn[]>();
  private readonly found = new Map<string, LineageEdge & { mask: number }>();
  private readonly functions: ReadonlyMap<string, UserFunction>;
  private readonly procedures: ReadonlyMap<string, UserProcedure>;

  private readonly texts: Graph["texts"];

  constructor(
    functions: ReadonlyMap<string, UserFunction>,
    procedures: ReadonlyMap<string, UserProcedure>,
    texts: Graph["texts"],
  ) {
    this.functions = functions;
    this.procedures = procedures;
    this.texts = texts;
  }

  edges(): readonly LineageEdge[] {
    return [...this.found.values()].map(({ mask: _, ...edge }) => edge);
  }

  declare(action: Action, columns: readonly Column[] | undefined, jsonKeysOf?: LineageSources["jsonKeysOf"]): void {
    if (columns === undefined) {
      this.problem(action, { code: "lineage.columns", message: "its columns are not known" });
      return;
    }
    const isWildcard = action.target.name.endsWith("*");
    const typed = [
      ...columns.map(({ name, type }) => ({ name, type: parseType(type) })),
      ...(isWildcard ? [{ name: "_TABLE_SUFFIX", type: parseType("STRING") }] : []),
    ];
    this.types.set(action.id, typed);
    this.register(
      action,
      typed.map(({ name, type }) => {
        const keys = type.kind === "JSON" ? jsonKeysOf?.(`${action.id}.${name}`) : undefined;
        return { name, shape: keys ? jsonShape(keys) : shapeOfType(type) };
      }),
      typed,
    );
  }

  add(action: Action): void {
    try {
      switch (action.kind) {
        case "table":
        case "view":
        case "incremental":
          this.model(action);
          return;
        case "operation":
          this.operation(action, action.queries.join(";\n"));
          return;
        case "foreign":
          this.problem(action, { code: "lineage.action", message: `${action.what} actions are not followed` });
          return;
        default:
          return;
      }
    } catch (error) {
      if (!(error instanceof GoogleSqlError)) throw error;
      const { code, message } = error;
      this.problem(action, { code, message, where: placeInFile(error, this.texts) });
    }
  }

  private problem(
    action: Action,
    why: { readonly code: string; readonly message: string; readonly where?: string | undefined },
  ): void {
    const { id } = action;
    this.problems.set(id, { id, code: why.code, message: why.message, where: why.where ?? action.file });
  }

  private model(action: TableAction): void {
    const first = this.follow(action, [...action.preOps, action.query], action.postOps);
    this.register(action, first.lineage.columns, first.types);
    this.connect(action.id, first.lineage);
    const again = action.kind === "incremental" ? action.incremental : undefined;
    if (again) this.connect(action.id, this.follow(action, [...again.preOps, again.query], again.postOps).lineage);
  }

  /** The lineage of the last query of a script, whose other statements may only prepare it. */
  private follow(action: Action, texts: readonly string[], after: readonly string[]): Followed {
    const script = this.read(action, texts.join(";\n"));
    const { source } = script;
    const last = script.statements.at(-1);
    if (last?.kind !== "query-statement")
      throw refusal(last?.kind ?? "nothing", "a model must end in a query", source, last);
    const prelude = new Prelude((path) => this.tableAt(path), this.functions, this.procedures);
    const used = namesIn(last.query);
    for (const statement of script.statements.slice(0, -1))
      if (!isOwnDelete(statement, action, used, prelude.variables)) prelude.add(statement, source);
    const followed = this.query(last.query, source, prelude);
    const following = this.read(action, after.join(";\n"));
    for (const statement of following.statements)
      if (!isOwnDelete(statement, action, used, prelude.variables)) prelude.add(statement, following.source);
    return followed;
  }

  private read(action: Action, text: string): Script & { readonly source: Source } {
    const source: Source = { text, file: action.file };
    return { ...readScript(source), source };
  }

  private query(query: Query, source: Source, prelude: Prelude): Followed {
    const types = prelude.isEmpty ? this.analyze(query, source) : undefined;
    const shapes = types?.map(({ type }) => shapeOfType(type));
    const lineage = prelude.query(query, source, shapes);
    const names = lineage.columns.map((column) => column.name);
    if (types && types.map((column) => column.name).join("\t") !== names.join("\t")) {
      const others = types.map((column) => column.name).join(", ");
      throw new UnsupportedGoogleSql(
        "lineage_columns",
        `lineage sees the columns ${names.join(", ")}, the analyzer ${others}`,
      );
    }
    return { lineage, types };
  }

  /** The columns as the local engine's analyzer sees them: a second opinion. None where it does not serve the query. */
  private analyze(query: Query, source: Source): readonly TranslatedColumn[] | undefined {
    let isBlind = false;
    const catalog: Catalog = {
      table: (path) => {
        const id = this.idAt(path);
        const columns = id === undefined ? undefined : this.types.get(id);
        if (id !== undefined && columns === undefined) isBlind = true;
        return columns && { kind: "table", sql: "t", ...sourceTable(columns) };
      },
      // Of a body in JavaScript nothing is known but its text: the analyzer is asked about SQL alone.
      function: (path) => {
        const found = this.functions.get(key(...path.slice(-2)));
        if (found?.kind === "sql" && found.definition.body.kind !== "sql-function-body") isBlind = true;
        return found?.kind === "sql" && found.definition.body.kind === "sql-function-body" ? found : undefined;
      },
    };
    try {
      return translateQuery(query, source, catalog).columns;
    } catch (error) {
      if (error instanceof UnsupportedGoogleSql || (isBlind && error instanceof GoogleSqlAnalysisError))
        return undefined;
      throw error;
    }
  }

  private idAt(path: readonly string[]): string | undefined {
    return this.ids.get(key(...path)) ?? (path.length > 2 ? this.ids.get(key(...path.slice(-2))) : undefined);
  }

  private tableAt(path: readonly string[]): LineageTable | undefined {
    const id = this.idAt(path);
    return id === undefined ? undefined : this.tables.get(id);
  }

  private register(
    action: Action,
    columns: readonly { readonly name: string; readonly shape: Shape }[],
    types: readonly TranslatedColumn[] | undefined,
  ): void {
    const { id, target } = action;
    this.ids.set(key(target.schema, target.name), id);
    if (target.database) this.ids.set(key(target.database, target.schema, target.name), id);
    this.tables.set(id, { id, columns });
    if (types) this.types.set(id, types);
    this.infos.set(id, { id, kind: action.kind, file: action.file, columns: columns.flatMap(nodesOf) });
  }

  private connect(id: string, lineage: QueryLineage): void {
    const info = this.infos.get(id)!;
    for (const { name, parts } of lineage.columns) {
      const column = info.columns.filter((one) => isOf(one, name));
      if (column.length === 0) {
        throw new UnsupportedGoogleSql("incremental_columns", `column ${name} is given by one of its queries only`);
      }
      for (const { path, from } of parts) {
        const exact = path === "" ? name : `${name}.${path}`;
        const nodes = column.includes(exact) ? [exact] : column;
        for (const node of nodes) for (const one of from) this.edge(id, node, one);
      }
    }
    for (const one of lineage.rows) this.edge(id, "*", one);
    for (const column of info.columns) this.edge(id, column, { table: id, column: "*", subtypes: ["ROWS"] });
  }

  private edge(id: string, column: string, from: Influence): void {
    const name = `${id}.${column}\t${from.table}.${from.column}`;
    const before = this.found.get(name);
    const mask = from.subtypes.reduce((sum, subtype) => sum | bitOf(subtype), before?.mask ?? 0);
    // Rows are made of rows: a count over a view counts what the view reads.
    const ofRows = column === "*" && from.subtypes.includes("ROWS");
    this.found.set(name, {
      from: { table: from.table, column: from.column },
      to: { table: id, column },
      subtypes: [...new Set([...(before?.subtypes ?? []), ...from.subtypes])],
      isDirect: before?.isDirect === true || isDirect(mask) || ofRows,
      mask,
    });
  }

  /** An operation: tables made or filled from queries are followed; other changes make the lineage of what they change unknown. */
  private operation(action: Action, text: string): void {
    const { statements, source } = this.read(action, text);
    const prelude = new Prelude((path) => this.tableAt(path), this.functions, this.procedures);
    for (const statement of statements) this.step(action, statement, source, prelude);
  }

  private step(action: Action, statement: Statement, source: Source, prelude: Prelude): void {
    const made = madeTable(statement);
    if (made && key(made.path.slice(-2).join(".")) === key(action.target.schema, action.target.name)) {
      const { lineage, types } = this.query(made.query, source, prelude);
      const names = made.names ?? lineage.columns.map((column) => column.name);
      if (names.length !== lineage.columns.length)
        throw refusal(statement.kind, "its columns do not match its query", source, statement);
      const columns = lineage.columns.map((column, i) => ({ ...column, name: names[i]! }));
      if (!this.tables.has(action.id))
        this.register(
          action,
          columns,
          types?.map(({ type }, i) => ({ name: names[i]!, type })),
        );
      this.connect(action.id, { ...lineage, columns });
      return;
    }
    try {
      if (statement.kind === "call")
        prelude.call(statement, source, (inner, its) => this.step(action, inner, its, prelude));
      else prelude.add(statement, source);
    } catch (error) {
      if (!(error instanceof GoogleSqlError)) throw error;
      this.problem(action, error);
      for (const path of changedTables(statement)) {
        const id = this.idAt(path);
        if (id !== undefined)
          this.problems.set(id, {
            id,
            code: error.code,
            message: `${action.id} changes it: ${error.message}`,
            where: error.where,
          });
      }
    }
  }
}

/** `name`, and what is under it. */
const isOf = (node: string, name: string): boolean => {
  const lower = node.toLowerCase();
  return lower === name.toLowerCase() || lower.startsWith(`${name.toLowerCase()}.`);
};

const nodesOf = ({ name, shape }: { readonly name: string; readonly shape: Shape }): readonly string[] =>
  leaves(sourceValue("", name, shape)).map(({ path }) => (path === "" ? name : `${name}.${path}`));

const refusal = (what: string, reason: string, source: Source, at: Node | undefined): UnsupportedGoogleSql =>
  new UnsupportedGoogleSql(what, reason, at && { source, span: at.span });

function madeTable(
  statement: Statement,
):
  | { readonly path: readonly string[]; readonly query: Query; readonly names: readonly string[] | undefined }
  | undefined {
  switch (statement.kind) {
    case "create-table":
      return (
        statement.query && {
          path: pathOf(statement.name),
          query: statement.query,
          names: statement.columns?.map((one) => one.name.name),
        }
      );
    case "create-view":
      return {
        path: pathOf(statement.name),
        query: statement.query,
        names: statement.columns?.map((one) => one.name.name),
      };
    case "insert":
      if (statement.source.kind !== "insert-query") return undefined;
      return {
        path: pathOf(statement.table),
        query: statement.source.query,
        names: statement.columns?.map((one) => one.name),
      };
    default:
      return undefined;
  }
}

/** Tables that a statement, or one inside it, may change. */
function changedTables(statement: Statement): readonly (readonly string[])[] {
  const found: (readonly string[])[] = [];
  walk(statement, (node) => {
    if (
      node.kind === "insert" ||
      node.kind === "update" ||
      node.kind === "delete" ||
      node.kind === "merge" ||
      node.kind === "truncate"
    )
      found.push(pathOf(node.table));
    if (node.kind === "create-table" || node.kind === "create-view" || node.kind === "alter")
      found.push(pathOf(node.name));
  });
  return found;
}
