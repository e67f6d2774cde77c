import type { Expression, FunctionParameter, NodeBase, TableFunctionCall, TableParameterType } from "../ast.ts";
import type { UserTableFunction } from "../catalog.ts";
import { GoogleSqlAnalysisError, UnsupportedGoogleSql } from "../errors.ts";
import { parseQuery } from "../parser/parse.ts";
import { pathOf } from "../path-of.ts";
import { duckdbType, holdsCollated } from "../types.ts";
import type { TableCall } from "./built-in-tables/arguments.ts";
import { gapFill } from "./built-in-tables/gap-fill.ts";
import { rangeSessionize } from "./built-in-tables/range-sessionize.ts";
import type { Rewritten } from "./built-in-tables/rewritten.ts";
import { vectorSearch } from "./built-in-tables/vector-search.ts";
import { coerceOrFail } from "./coerce.ts";
import type { Analysis, CommonTableInfo, Context } from "./context.ts";
import { resolve } from "./expressions.ts";
import { resolveFrom } from "./from.ts";
import { fromRelation, relationOfFrom, resolveQuery } from "./query.ts";
import type { Environment, From, OutColumn, Relation } from "./relation.ts";
import { Scope } from "./scope.ts";
import { resolveType } from "./type-names.ts";
import type { Typed } from "./typed.ts";
import { asArgument, checkParameters } from "./user-functions.ts";

/** A table function in FROM: one that the user created, its query resolved in place with the arguments of the call. */
export function resolveTableFunction(
  a: Analysis,
  node: Pick<TableFunctionCall, "name" | "arguments"> & NodeBase,
  env: Environment,
  alias: string | undefined,
  /** What a pipe hands over, as the first table argument that is not given. */
  input?: Relation,
): From {
  const parts = pathOf(node.name);
  const name = parts.join(".");
  const user = a.catalog.tableFunction?.(parts);
  if (!user) return builtIn(a, node, name, env, alias, input);
  const { parameters } = user.definition;
  const given = layOut(a, node, parameters, input);
  const locals: [string, Typed][] = [];
  const tables = new Map<string, CommonTableInfo>();
  const texts: string[] = [];
  for (const [i, parameter] of parameters.entries()) {
    const { type } = parameter;
    const value = given[i]!;
    if (type.kind !== "table-parameter-type") {
      if (value.kind === "table") return a.fail(value.node, `Argument ${parameter.name.name} of ${name} is no table`);
      locals.push([parameter.name.name, scalarArgument(a, parameter, value.node, env)]);
      continue;
    }
    const relation = value.kind === "table" ? value.relation : tableArgument(a, value.node, env);
    const collated = relation.columns.find((column) => holdsCollated(column.type));
    if (collated)
      a.fail(value.node, `Collation 'und:ci' on column ${collated.name} of argument of TVF call is not allowed`);
    const table = type.columns ? withColumns(a, value.node, relation, type) : relation;
    const sqlName = a.fresh("w");
    texts.push(`${sqlName} AS (${table.sql})`);
    const { columns, isValueTable } = table;
    tables.set(parameter.name.name.toLowerCase(), { name: parameter.name.name, sqlName, columns, isValueTable });
  }
  const relation = body(a, node, user, { scope: new Scope({ locals }), tables });
  const sql =
    texts.length === 0 ? relation.sql : `WITH ${texts.join(", ")} SELECT * FROM (${relation.sql}) AS ${a.fresh("t")}`;
  return fromRelation(a, { ...relation, sql, orderColumn: undefined }, alias);
}

type TableOf = (argument: TableCall["arguments"][number]) => Relation;
type Rewrite = (a: Analysis, node: TableCall, input: Relation, tableOf: TableOf) => Rewritten;

const builtIns: Readonly<Record<string, Rewrite>> = {
  GAP_FILL: gapFill,
  RANGE_SESSIONIZE: rangeSessionize,
  VECTOR_SEARCH: vectorSearch,
};

/** A table function of BigQuery's own, resolved as the query that says the same. */
function builtIn(
  a: Analysis,
  node: TableCall,
  name: string,
  env: Environment,
  alias: string | undefined,
  piped: Relation | undefined,
): From {
  const rewrite = builtIns[name.toUpperCase()] ?? a.refuse(node, name.toUpperCase(), "table functions");
  if (piped) a.refuse(node, "pipe_CALL", `${name.toUpperCase()} in a pipe`);
  const [table] = node.arguments;
  if (!table) return a.fail(node, `${name.toUpperCase()} needs a table`);
  const tableOf: TableOf = (argument) => {
    const given = tableArgument(a, argument, env);
    if (given.columns.some((column) => holdsCollated(column.type)))
      a.fail(argument, "A table with collated strings as argument of a table function is not allowed");
    return given;
  };
  const input = tableOf(table);
  const { text, locals, tables: further = [] } = rewrite(a, node, input, tableOf);
  const texts: string[] = [];
  const tables = new Map<string, CommonTableInfo>();
  for (const [of, { sql, columns, isValueTable }] of [["input", input], ...further] as const) {
    const sqlName = a.fresh("w");
    texts.push(`${sqlName} AS (${sql})`);
    tables.set(of, { name: of, sqlName, columns, isValueTable });
  }
  const relation = saidHere(a, node, () => resolveQuery(a, parseQuery(text), { scope: new Scope({ locals }), tables }));
  const sql = `WITH ${texts.join(", ")} SELECT * FROM (${relation.sql}) AS ${a.fresh("t")}`;
  return fromRelation(a, { ...relation, sql, orderColumn: undefined }, alias);
}

/** What is wrong with a text of ours is told of the call that it came from. */
function saidHere<T>(a: Analysis, node: NodeBase, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof GoogleSqlAnalysisError) return a.fail(node, error.message);
    if (error instanceof UnsupportedGoogleSql) return a.refuse(node, error.construct);
    throw error;
  }
}

type Given =
  | { readonly kind: "argument"; readonly node: TableFunctionCall["arguments"][number] }
  | { readonly kind: "table"; readonly node: NodeBase; readonly relation: Relation };

/** The argument of each parameter: a pipe's input, then by position, then by name. */
function layOut(
  a: Analysis,
  node: Pick<TableFunctionCall, "name" | "arguments"> & NodeBase,
  parameters: readonly FunctionParameter[],
  input: Relation | undefined,
): readonly Given[] {
  const name = node.name.parts.map((part) => part.name).join(".");
  const laid: (Given | undefined)[] = parameters.map(() => undefined);
  if (input) {
    const at = parameters.findIndex((parameter) => parameter.type.kind === "table-parameter-type");
    if (at < 0) return a.fail(node, `Table function ${name} takes no table`);
    laid[at] = { kind: "table", node, relation: input };
  }
  let next = 0;
  for (const argument of node.arguments) {
    if (argument.kind === "named-argument") {
      const wanted = argument.name.name.toLowerCase();
      const at = parameters.findIndex((parameter) => parameter.name.name.toLowerCase() === wanted);
      if (at < 0) return a.fail(argument, `Named argument ${argument.name.name} not found in ${name}`);
      if (laid[at]) return a.fail(argument, `Argument ${argument.name.name} of ${name} is given twice`);
      laid[at] = { kind: "argument", node: argument.value };
      next = parameters.length;
      continue;
    }
    while (next < parameters.length && laid[next]) next++;
    if (next >= parameters.length)
      return a.fail(node, `Table function ${name} takes ${parameters.length} arguments, not ${node.arguments.length}`);
    laid[next++] = { kind: "argument", node: argument };
  }
  return laid.map((given, i) => given ?? { kind: "argument", node: defaultOf(a, node, parameters[i]!) });
}

const defaultOf = (a: Analysis, node: NodeBase, parameter: FunctionParameter): Expression =>
  parameter.default ?? a.fail(node, `Argument ${parameter.name.name} of the table function is missing`);

function scalarArgument(
  a: Analysis,
  parameter: FunctionParameter,
  node: TableFunctionCall["arguments"][number],
  env: Environment,
): Typed {
  const { kind } = node;
  if (kind === "star-argument" || kind === "lambda" || kind === "named-argument") {
    return a.fail(node, `Argument ${parameter.name.name} is an expression`);
  }
  if (kind === "table-argument" || kind === "model-argument") {
    return a.fail(node, `Argument ${parameter.name.name} is no table or model`);
  }
  const cx: Context = {
    scope: env.scope ?? new Scope({}),
    tables: env.tables,
    clause: "an argument of a table function",
  };
  const value = resolve(a, node, cx);
  if (value.isVolatile)
    a.refuse(node, "volatile_argument", "a value that differs each time, given to a table function");
  const { type } = parameter;
  if (type.kind === "templated-type" || type.kind === "table-parameter-type") {
    const sql = value.isUntypedNull ? `CAST(NULL AS ${duckdbType(value.type)})` : value.sql;
    return { ...asArgument(value), sql };
  }
  return asArgument(coerceOrFail(a, node, value, resolveType(a, type), `Argument ${parameter.name.name}`));
}

/** `TABLE t`, or a query in parentheses. */
function tableArgument(a: Analysis, node: TableFunctionCall["arguments"][number], env: Environment): Relation {
  if (node.kind === "scalar-subquery") return resolveQuery(a, node.query, env);
  if (node.kind !== "table-argument")
    return a.fail(node, "A table argument is TABLE and a name, or a query in parentheses");
  const { span } = node;
  const from = resolveFrom(
    a,
    {
      kind: "table-reference",
      name: { kind: "object-name", parts: node.name, span },
      alias: undefined,
      offset: undefined,
      systemTime: undefined,
      hint: undefined,
      span,
    },
    env,
  );
  return relationOfFrom(a, from);
}

/** The columns of a table in the order and with the types of TABLE<...>, found by their names. */
function withColumns(a: Analysis, node: NodeBase, relation: Relation, type: TableParameterType): Relation {
  const t = a.fresh("t");
  const columns = type.columns!.map((wanted): OutColumn => {
    const key = wanted.name.name.toLowerCase();
    const found = relation.columns.filter((column) => column.name?.toLowerCase() === key);
    if (found.length !== 1) {
      return a.fail(node, `Column ${wanted.name.name} is ${found.length === 0 ? "missing" : "ambiguous"} in the table`);
    }
    const own = found[0]!;
    const target = resolveType(a, wanted.type);
    const { isUntypedNull, isLiteral, literal } = own.source;
    const given: Typed = {
      sql: `${t}.${own.sqlName}`,
      type: own.type,
      isUntypedNull,
      isLiteral,
      literal,
      isSimple: true,
    };
    const value = coerceOrFail(a, node, given, target, `Column ${wanted.name.name}`);
    return { name: wanted.name.name, sqlName: a.fresh("c"), type: target, source: value };
  });
  const list = columns.map((column) => `${column.source.sql} AS ${column.sqlName}`).join(", ");
  return { sql: `SELECT ${list} FROM (${relation.sql}) AS ${t}`, columns, isValueTable: false };
}

/** Finds what is wrong with the query of a table function when it is made, as far as its parameters are known. */
export function checkTableFunction(a: Analysis, user: UserTableFunction): void {
  const { parameters } = user.definition;
  checkParameters(a, parameters);
  const locals: [string, Typed][] = [];
  const tables = new Map<string, CommonTableInfo>();
  for (const { name, type } of parameters) {
    if (type.kind === "templated-type" || (type.kind === "table-parameter-type" && !type.columns)) return;
    if (type.kind !== "table-parameter-type") {
      locals.push([name.name, { sql: "p", type: resolveType(a, type), isSimple: true }]);
      continue;
    }
    const columns = type.columns!.map((column) => ({
      name: column.name.name,
      sqlName: a.fresh("c"),
      type: resolveType(a, column.type),
    }));
    tables.set(name.name.toLowerCase(), { name: name.name, sqlName: "p", columns, isValueTable: false });
  }
  body(a, user.definition, user, { scope: new Scope({ locals }), tables });
}

function body(a: Analysis, node: NodeBase, user: UserTableFunction, env: Environment): Relation {
  const { definition } = user;
  const key = definition.name.parts.map((part) => part.name.toLowerCase()).join(".");
  if (a.callStack.includes(key)) return a.fail(node, `Table function ${key} calls itself`);
  const before = a.source;
  a.callStack.push(key);
  a.source = user.source;
  try {
    const relation = resolveQuery(a, definition.query, env);
    return definition.returns?.columns ? withColumns(a, node, relation, definition.returns) : relation;
  } finally {
    a.callStack.pop();
    a.source = before;
  }
}
