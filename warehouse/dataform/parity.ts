import {
  functionNamed,
  GoogleSqlError,
  GoogleSqlEvaluationError,
  isInformationSchema,
  type Node,
  pathOf,
  readScript,
  UnsupportedGoogleSql,
  walk,
} from "../../packages/googlesql/index.ts";
import verification from "../../packages/googlesql/verification.json" with { type: "json" };
import { asStatementError } from "../statement-error.ts";
import type { Column } from "../warehouse.ts";
import { type Action, type Graph, hasRelation, inDependencyOrder, sqlName, type Target } from "./graph.ts";
import { placeInFile } from "./place-in-file.ts";
import { type Step, statementsOf } from "./plan.ts";
import { script } from "./run.ts";
import type { Relation } from "./statements.ts";

/** What the run of the referee says about a function; see packages/googlesql/referee. */
export interface FunctionEvidence {
  readonly name: string;
  /**
   * `verified`: calls of it gave on both engines the same. `listed`: on our list, and the referee could not judge it.
   * `refused`: not on the list. `own`: made by the project itself.
   */
  readonly status: "verified" | "listed" | "refused" | "own";
  /** Calls with the same rows, types or error on both engines. */
  readonly cases: number;
}

export interface ModelParity {
  readonly id: string;
  readonly kind: Action["kind"];
  readonly file: string;
  /**
   * `verified`: the engine takes the model and the referee has judged every function in it. `served`: the engine takes it, some
   * function in it is only listed, it reads INFORMATION_SCHEMA, or a statement of it is made at run time. `refused` and `invalid`:
   * the reason says what. `unknown`: it reads something of unknown columns, or makes a statement out of rows that are not there.
   */
  readonly verdict: "verified" | "served" | "refused" | "invalid" | "unknown";
  readonly reason?:
    | { readonly code: string; readonly message: string; readonly where?: string | undefined }
    | undefined;
  readonly functions: readonly FunctionEvidence[];
  /** Constructs beside plain SELECT: `window`, `qualify`, `pivot`, `with recursive` ... */
  readonly constructs: readonly string[];
}

export interface Certificate {
  /** The run that verified the functions. */
  readonly run: { readonly referee: string; readonly seed: number; readonly functions: number; readonly cases: number };
  readonly models: readonly ModelParity[];
  readonly counts: Readonly<Record<ModelParity["verdict"], number>>;
}

export interface CertifyOptions {
  /** Runs a script on an empty engine that nobody else uses. */
  readonly run: (sql: string, file: string) => Promise<{ readonly rows: readonly (readonly unknown[])[] }>;
  /** The columns of something declared, undefined when they are not known. */
  readonly columnsOf: (target: Target) => Promise<readonly Column[] | undefined>;
}

interface Counted {
  readonly same: number;
  readonly errors: number;
  readonly different: number;
}

const counted = verification.functions as unknown as Readonly<Record<string, Counted>>;
function casesOf(name: string): number {
  const count = counted[name];
  return count === undefined || count.different > 0 || count.same === 0 ? 0 : count.same + count.errors;
}

/**
 * The certificate of a project: takes every model to an engine on which all tables are empty, so that whatever the engine would
 * refuse is refused now, and lists what its text is made of with the evidence for it.
 */
export async function certify(graph: Graph, given: CertifyOptions): Promise<Certificate> {
  const options = { ...given, texts: graph.texts };
  const layOut = async (sql: string, file: string): Promise<void> => {
    await options.run(sql, file).catch((error: unknown) => Promise.reject(asStatementError(error)));
  };
  const unknown = new Set<string>();
  for (const schema of new Set(graph.actions.map((action) => action.target.schema))) {
    await layOut(`create schema if not exists \`${schema}\``, "certificate");
  }
  const models: ModelParity[] = [];
  for (const action of inDependencyOrder(graph.actions)) {
    if (action.kind === "declaration") {
      const columns = await options.columnsOf(action.target);
      if (columns === undefined) unknown.add(action.id);
      else await layOut(emptyTable(action.target, columns), action.file);
      continue;
    }
    if (action.disabled) continue;
    const model = await judge(action, unknown, options);
    if (model.verdict !== "verified" && model.verdict !== "served" && hasRelation(action)) unknown.add(action.id);
    models.push(model);
  }
  const counts = { verified: 0, served: 0, refused: 0, invalid: 0, unknown: 0 };
  for (const { verdict } of models) counts[verdict]++;
  const all = Object.keys(counted);
  return {
    run: {
      referee: verification.referee,
      seed: verification.seed,
      functions: all.filter((name) => casesOf(name) > 0).length,
      cases: all.reduce((sum, name) => sum + casesOf(name), 0),
    },
    models,
    counts,
  };
}

async function judge(
  action: Action,
  unknown: ReadonlySet<string>,
  options: CertifyOptions & Pick<Graph, "texts">,
): Promise<ModelParity> {
  const base = { id: action.id, kind: action.kind, file: action.file };
  if (action.kind === "foreign" || action.kind === "declaration") {
    const reason = {
      code: "refused.action",
      message: `a ${action.kind === "foreign" ? action.what : action.kind} runs on Google Cloud only`,
    };
    return { ...base, verdict: "refused", reason, functions: [], constructs: [] };
  }
  let functions: readonly FunctionEvidence[] = [];
  let constructs: readonly string[] = [];
  try {
    ({ functions, constructs } = partsOf(textsOf(action), action.file));
    const blind = action.dependsOn.find((id) => unknown.has(id));
    if (blind !== undefined) {
      const reason = { code: "parity.unknown", message: `reads ${blind}, whose columns are not known` };
      return { ...base, verdict: "unknown", reason, functions, constructs };
    }
    const build = (relation?: Relation) =>
      options.run(script(statementsOf(action, relation, false).statements), action.file);
    await build();
    // The second build finds what the first has made.
    if (action.kind === "incremental" && action.incremental)
      await build({ kind: "table", columns: await columnsMade(action.target, options) });
  } catch (error) {
    if (!(error instanceof GoogleSqlError)) throw error;
    if (error instanceof GoogleSqlEvaluationError && constructs.includes(madeAtRunTime)) {
      const message = `a statement made at run time, out of empty tables: ${error.message}`;
      return { ...base, verdict: "unknown", reason: { code: "parity.unknown", message }, functions, constructs };
    }
    const verdict = error instanceof UnsupportedGoogleSql ? "refused" : "invalid";
    const reason = { code: error.code, message: error.message, where: placeInFile(error, options.texts) };
    return { ...base, verdict, reason, functions, constructs };
  }
  const isServed = constructs.some((one) => unjudged.has(one)) || functions.some((one) => one.status === "listed");
  return { ...base, verdict: isServed ? "served" : "verified", functions, constructs };
}

/** What the project itself wrote. */
function textsOf(action: Step["action"]): readonly string[] {
  if (action.kind === "operation") return action.queries;
  if (action.kind === "assertion") return [action.query];
  const again = action.incremental;
  const second = again ? [...again.preOps, again.query, ...again.postOps] : [];
  return [...action.preOps, action.query, ...action.postOps, ...second];
}

async function columnsMade({ schema, name }: Target, { run }: CertifyOptions): Promise<readonly Column[]> {
  const { rows } = await run(
    `select column_name, data_type from \`${schema}\`.INFORMATION_SCHEMA.COLUMNS where table_name = '${name}' order by ordinal_position`,
    "certificate",
  );
  return rows.map(([column, type]) => ({ name: String(column), type: String(type) }));
}

const emptyTable = (target: Target, columns: readonly Column[]): string =>
  `create or replace table ${sqlName(target)} (${columns.map((column) => `\`${column.name}\` ${column.type}`).join(", ")})`;

const madeAtRunTime = "execute immediate";
const records = "information schema";
/** What no referee can judge. */
const unjudged: ReadonlySet<string> = new Set([madeAtRunTime, records]);

const constructNames: Readonly<Record<string, string>> = {
  "execute-immediate": madeAtRunTime,
  pivot: "pivot",
  unpivot: "unpivot",
  unnest: "unnest",
  rollup: "rollup",
  cube: "cube",
  "grouping-sets": "grouping sets",
  sample: "tablesample",
  "scalar-subquery": "scalar subquery",
  "array-subquery": "array subquery",
  exists: "exists",
  "quantified-like": "like any/all",
  lambda: "lambda",
  "merge-statement": "merge",
  "insert-statement": "insert",
  "update-statement": "update",
  "delete-statement": "delete",
};

function partsOf(texts: readonly string[], file: string): Pick<ModelParity, "functions" | "constructs"> {
  const names = new Set<string>();
  const constructs = new Set<string>();
  for (const text of texts) {
    for (const statement of readScript({ text, file }).statements) {
      walk(statement, (node) => {
        const name = functionOf(node);
        if (name !== undefined) names.add(name);
        for (const construct of constructsOf(node)) constructs.add(construct);
      });
    }
  }
  return { functions: [...names].sort().map(evidenceOf), constructs: [...constructs].sort() };
}

function functionOf(node: Node): string | undefined {
  if (node.kind === "extract") return "EXTRACT";
  if (node.kind !== "function-call") return undefined;
  const path = node.name.map((part) => part.name);
  if (path.length > 1 && path[0]!.toUpperCase() === "SAFE") path.shift();
  const name = path.join(".");
  return functionNamed(name) ? functionNamed(name)!.names[0] : path.length > 1 ? name : name.toUpperCase();
}

function constructsOf(node: Node): readonly string[] {
  const found: string[] = [];
  const named = constructNames[node.kind];
  if (named !== undefined) found.push(named);
  if (node.kind === "function-call" && node.over) found.push("window");
  if (node.kind === "with-clause" && node.recursive) found.push("with recursive");
  if (node.kind === "select" && node.qualify) found.push("qualify");
  if (node.kind === "query" && node.pipes.length > 0) found.push("pipe");
  if (node.kind === "set-operation") found.push(node.operator);
  if (node.kind === "table-reference" && isInformationSchema(pathOf(node.name))) found.push(records);
  return found;
}

function evidenceOf(name: string): FunctionEvidence {
  const entry = functionNamed(name);
  const cases = casesOf(name);
  if (cases > 0) return { name, status: "verified", cases };
  if (entry === undefined) return { name, status: name.includes(".") ? "own" : "refused", cases };
  return { name, status: entry.status.kind === "verified" ? "listed" : "refused", cases };
}
