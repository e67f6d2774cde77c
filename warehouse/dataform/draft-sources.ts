import {
  type Binding,
  type Catalog,
  type CatalogTable,
  GoogleSqlAnalysisError,
  GoogleSqlError,
  parseType,
  type Query,
  readScript,
  type Source,
  type Statement,
  sourceTable,
  type TranslatedColumn,
  translateQuery,
} from "../../packages/googlesql/index.ts";
import type { Column } from "../warehouse.ts";
import { Repair } from "./draft-repair.ts";
import { DraftTable } from "./draft-table.ts";
import { type Action, type Graph, inDependencyOrder, type Target } from "./graph.ts";
import { functionsOf } from "./lineage.ts";
import { placeInFile } from "./place-in-file.ts";

export interface DraftedSource {
  readonly id: string;
  readonly target: Target;
  /** What the models read of it; types are what the engine takes where they read it, or what the name suggests. */
  readonly columns: readonly Column[];
}

export interface Draft {
  readonly sources: readonly DraftedSource[];
  /** Actions whose reading was not understood to the end: what they read may be missing. */
  readonly notUnderstood: readonly {
    readonly id: string;
    readonly message: string;
    readonly where?: string | undefined;
  }[];
}

interface Text {
  readonly action: Action;
  readonly source: Source;
  readonly query: Query;
  readonly variables: ReadonlyMap<string, Binding>;
  /** Its columns are the action's. */
  readonly isRelation: boolean;
}

/**
 * The columns that a project reads of what it declares, found by analysing its queries over tables without columns: each name that
 * the analyzer misses becomes a column, and a type that it refuses another one. `known` sources are taken as they are.
 */
export function draftSources(graph: Graph, known: ReadonlyMap<string, readonly Column[]>): Draft {
  const drafts = new Map<string, DraftTable>();
  const ids = new Map<string, string>();
  for (const { id, kind, target } of graph.actions) {
    if (kind === "declaration" && !known.has(id) && !target.name.endsWith("*")) drafts.set(id, new DraftTable());
    ids.set(`${target.schema}.${target.name}`.toLowerCase(), id);
  }
  const idAt = (path: readonly string[]): string | undefined => ids.get(path.slice(-2).join(".").toLowerCase());
  const problems = new Map<string, Draft["notUnderstood"][number]>();
  const tell = (action: Action, error: GoogleSqlError): void => {
    const where = placeInFile(error, graph.texts) ?? action.file;
    problems.set(action.id, { id: action.id, message: error.message, where });
  };
  const texts = inDependencyOrder(graph.actions.filter((action) => !("disabled" in action && action.disabled))).flatMap(
    (action) => {
      try {
        return textsOf(action);
      } catch (error) {
        if (!(error instanceof GoogleSqlError)) throw error;
        tell(action, error);
        return [];
      }
    },
  );
  const relations = new Map(texts.filter(({ isRelation }) => isRelation).map((text) => [text.action.id, text]));
  const functions = functionsOf(graph);
  const repair = new Repair(drafts, idAt, (id) => relations.get(id)?.query);
  /** The columns of relations as the drafts are now; each is worked out when it is asked for. */
  let types = new Map<string, readonly TranslatedColumn[] | undefined>();
  const typesOf = (id: string): readonly TranslatedColumn[] | undefined => {
    const text = relations.get(id);
    if (text === undefined || problems.has(id)) return undefined;
    if (!types.has(id)) {
      types.set(id, undefined);
      types.set(id, analyze(text));
    }
    return types.get(id)?.filter(({ name }) => name !== "");
  };
  const columnsOf = (id: string): CatalogTable["columns"] | undefined =>
    known.get(id)?.map(({ name, type }) => ({ name, type: parseType(type) })) ?? drafts.get(id)?.seen() ?? typesOf(id);
  const catalog: Catalog = {
    table: (path) => {
      const id = idAt(path);
      const columns = id === undefined ? undefined : columnsOf(id);
      return columns && { kind: "table", sql: "t", ...sourceTable(columns) };
    },
    function: (path) => functions.get(path.slice(-2).join(".").toLowerCase()),
  };
  const analyze = ({ query, source, variables }: Text): readonly TranslatedColumn[] =>
    translateQuery(query, source, catalog, { variables }).columns;
  let rounds = 0;
  for (const text of texts) {
    const anew = (): unknown => {
      types = new Map();
      return analyze(text);
    };
    for (let isDone = problems.has(text.action.id); !isDone; ) {
      try {
        anew();
        isDone = true;
      } catch (error) {
        if (!(error instanceof GoogleSqlError)) throw error;
        const isMended =
          error instanceof GoogleSqlAnalysisError && rounds++ < mostRounds && repair.mend(text.query, error, anew);
        if (isMended) continue;
        tell(text.action, error);
        isDone = true;
      }
    }
  }
  const sources = graph.actions.flatMap(({ id, target }): readonly DraftedSource[] => {
    const draft = drafts.get(id);
    return draft ? [{ id, target, columns: draft.asColumns() }] : [];
  });
  // What reads an action that was not understood says nothing of its own.
  const reasons = graph.actions.flatMap(({ id, dependsOn }) =>
    dependsOn.some((other) => problems.has(other)) ? [] : (problems.get(id) ?? []),
  );
  return { sources, notUnderstood: reasons };
}

/** Columns are found one at a time: enough for a project of many, and an end for one that goes round in circles. */
const mostRounds = 20_000;

/** The queries of an action that read something. */
function textsOf(action: Action): readonly Text[] {
  switch (action.kind) {
    case "table":
    case "view":
    case "incremental": {
      const part = action.kind === "incremental" ? action.incremental : undefined;
      const first = queriesOf(action, [...action.preOps, action.query], true);
      return part ? [...first, ...queriesOf(action, [...part.preOps, part.query], false)] : first;
    }
    case "assertion":
      return queriesOf(action, [action.query], false);
    case "operation":
      return queriesOf(action, action.queries, false);
    default:
      return [];
  }
}

function queriesOf(action: Action, parts: readonly string[], isRelation: boolean): readonly Text[] {
  const source: Source = { text: parts.join(";\n"), file: action.file };
  const variables = new Map<string, Binding>();
  const { statements } = readScript(source);
  return statements.flatMap((statement, i): readonly Text[] => {
    if (statement.kind === "declare" && statement.type) {
      const { start, end } = statement.type.span;
      const type = parseType(source.text.slice(start, end));
      for (const { name } of statement.names) variables.set(name.toLowerCase(), { type, sql: "NULL" });
    }
    const query = queryOf(statement);
    const isLast = i === statements.length - 1;
    return query ? [{ action, source, query, variables, isRelation: isRelation && isLast }] : [];
  });
}

function queryOf(statement: Statement): Query | undefined {
  switch (statement.kind) {
    case "query-statement":
    case "create-view":
    case "create-table":
      return statement.query;
    case "insert":
      return statement.source.kind === "insert-query" ? statement.source.query : undefined;
    default:
      return undefined;
  }
}
