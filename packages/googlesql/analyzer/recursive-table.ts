import type { CommonTable, Query, QueryBody, SetOperation } from "../ast.ts";
import { refersTo } from "../common-table-order.ts";
import { stringText } from "../emit/text.ts";
import { duckdbType, supportsGrouping, typeName } from "../types.ts";
import type { Analysis, CommonTableInfo, CommonTables } from "./context.ts";
import { resolveBody, resolveWith } from "./query.ts";
import { checkRecursiveTerm } from "./recursive-rules.ts";
import type { Environment, Relation } from "./relation.ts";
import { matchByName, resolveSetOperation, unifyInputs } from "./set-operations.ts";

/** BigQuery ends a recursion that goes on for longer than this many rounds with an error. */
const maxRounds = 500;

/** A common table that names itself: `base UNION [ALL | DISTINCT] step`. */
export function recursiveTable(
  a: Analysis,
  entry: CommonTable,
  env: Environment,
): { readonly info: CommonTableInfo; readonly text: string } {
  const { query } = entry;
  const inner = query.with && !refersTo(query.with, entry.name.name) ? resolveWith(a, query.with, env) : undefined;
  const hoisted = (inner?.entries ?? []).map((one) => `${one}, `).join("");
  const within = inner ? { ...env, tables: inner.tables } : env;
  const union = query.with && !inner ? undefined : unionOf(query);
  if (!union) {
    return a.fail(
      entry,
      `Recursive query ${entry.name.name} must be of the form base UNION [ALL | DISTINCT] recursive term`,
    );
  }
  if (query.orderBy.length > 0 || query.limit) {
    return a.fail(entry, "A recursive query may not have ORDER BY or LIMIT around its UNION");
  }
  const { first, second, info } = terms(a, entry, union, within);
  const form = union.quantifier === "all" ? everyRow : newRows;
  return { info, text: `${hoisted}${form(a, entry, info, first.sql, second.sql)}` };
}

/** The UNION that a query is, written between queries or as its only pipe operator. */
function unionOf(query: Query): SetOperation | undefined {
  const { body, pipes } = query;
  if (pipes.length === 0) return body.kind === "set-operation" && body.operator === "union" ? body : undefined;
  const [pipe] = pipes;
  if (pipes.length > 1 || pipe?.kind !== "pipe-set-operation" || pipe.operator !== "union") return undefined;
  const { operator, quantifier, matching, span } = pipe;
  return { kind: "set-operation", operator, quantifier, matching, inputs: [asQuery(body), ...pipe.inputs], span };
}

const asQuery = (body: QueryBody): Query => ({
  kind: "query",
  with: undefined,
  body,
  orderBy: [],
  limit: undefined,
  pipes: [],
  span: body.span,
});

interface Terms {
  readonly first: Relation;
  readonly second: Relation;
  readonly info: CommonTableInfo;
}

function terms(a: Analysis, entry: CommonTable, union: SetOperation, env: Environment): Terms {
  const name = entry.name.name;
  const inputs = [...union.inputs];
  const last = inputs.pop()!;
  if (inputs.some((input) => refersTo(input, name))) {
    a.fail(entry, `Recursive reference to ${name} is not allowed in the base term`);
  }
  const base =
    inputs.length === 1 ? resolveBody(a, inputs[0]!, env) : resolveSetOperation(a, { ...union, inputs }, env);
  checkRecursiveTerm(a, last, name);
  const columns = base.columns.map((column) => ({ ...column, sqlName: a.fresh("c") }));
  const info: CommonTableInfo = { name, sqlName: a.fresh("w"), columns, isValueTable: base.isValueTable };
  const tables: CommonTables = new Map([...env.tables, [name.toLowerCase(), info]]);
  const step = resolveBody(a, last, { scope: env.scope, tables });
  const matched = union.matching ? matchByName(a, union, [base, step]) : [base, step];
  if (matched[0]!.columns.length !== columns.length) {
    a.refuse(entry, "recursive_corresponding", "a recursive UNION that gives other columns than its base term");
  }
  const [first, second] = unifyInputs(a, union, matched, "UNION") as [Relation, Relation];
  for (const [i, column] of first.columns.entries()) {
    const before = columns[i]!.type;
    if (duckdbType(column.type) !== duckdbType(before)) {
      a.fail(entry, `The recursive term gives ${typeName(column.type)} for a column of type ${typeName(before)}`);
    }
    if (union.quantifier === "distinct" && !supportsGrouping(before)) {
      a.fail(entry, `Column of type ${typeName(before)} cannot be used in a DISTINCT set operation`);
    }
  }
  return { first, second, info };
}

/** The number of a round, counted in a column of its own so that a recursion without an end is an error. */
function nextRound(entry: CommonTable, before: string): string {
  const message = `Recursive query ${entry.name.name} has more than ${maxRounds} iterations`;
  const error = `gs_raise(${stringText(message)})`;
  return `CASE WHEN ${before} >= ${maxRounds} THEN CAST(${error} AS INTEGER) ELSE ${before} + 1 END`;
}

type Form = (a: Analysis, entry: CommonTable, info: CommonTableInfo, base: string, step: string) => string;

const everyRow: Form = (a, entry, { sqlName, columns }, base, step) => {
  const [round, last, b, s, d] = [a.fresh("n"), a.fresh("n"), a.fresh("t"), a.fresh("t"), a.fresh("t")];
  const header = columns.map((column) => column.sqlName).join(", ");
  const start = `SELECT ${b}.*, 0 FROM (${base}) AS ${b}`;
  const more = `SELECT ${s}.*, ${nextRound(entry, `${d}.${last}`)} FROM (${step}) AS ${s}, (SELECT max(${round}) AS ${last} FROM ${sqlName}) AS ${d}`;
  return `${sqlName}(${header}, ${round}) AS (${start} UNION ALL ${more})`;
};

/** UNION DISTINCT: a round gives the rows that no round before it gave. */
const newRows: Form = (a, entry, { sqlName, columns }, base, step) => {
  const [round, last, b, s, d, r] = [
    a.fresh("n"),
    a.fresh("n"),
    a.fresh("t"),
    a.fresh("t"),
    a.fresh("t"),
    a.fresh("t"),
  ];
  const names = columns.map((column) => column.sqlName);
  const header = names.join(", ");
  const isKnown = names.map((name) => `${r}.${name} IS NOT DISTINCT FROM ${s}.${name}`).join(" AND ");
  const start = `SELECT DISTINCT ${b}.*, 0 FROM (${base}) AS ${b}`;
  const more = `SELECT DISTINCT ${s}.*, ${nextRound(entry, `${d}.${last}`)} FROM (${step}) AS ${s}(${header}), (SELECT max(${round}) AS ${last} FROM ${sqlName}) AS ${d} WHERE NOT EXISTS (SELECT 1 FROM recurring.${sqlName} AS ${r} WHERE ${isKnown})`;
  return `${sqlName}(${header}, ${round}) USING KEY (${header}) AS (${start} UNION ${more})`;
};
