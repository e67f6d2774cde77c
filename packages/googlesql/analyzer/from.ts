import type { Expression, Join, NodeBase, SampledTable, TableExpression, TableReference, UnnestTable } from "../ast.ts";
import { quoteName } from "../emit/text.ts";
import { pathOf } from "../path-of.ts";
import { arrayOf, type GoogleSqlType, holdsCollated, INT64, supportsEquality, typeName } from "../types.ts";
import { pseudoColumns } from "./arrival.ts";
import { coerce, toSupertype } from "./coerce.ts";
import { comparisonText } from "./compare.ts";
import type { Analysis, Context } from "./context.ts";
import { condition, resolve } from "./expressions.ts";
import { resolveFlattened } from "./flatten.ts";
import { informationSchema } from "./information-schema.ts";
import { columnValue } from "./names.ts";
import { filterPartitions, readPartitions } from "./partition-predicates.ts";
import { resolvePivot, resolveUnpivot } from "./pivot.ts";
import { fromRelation, resolveQuery } from "./query.ts";
import { type Environment, type From, onlyAlias, scopeOf, tableOf, withHidden } from "./relation.ts";
import { sampleOf } from "./sample.ts";
import { type Column, Scope } from "./scope.ts";
import { resolveTableFunction } from "./table-functions.ts";
import type { Typed } from "./typed.ts";
import { wildcardTable } from "./wildcard.ts";

/** Resolves a FROM clause. `left` is what stands to the left of it, which UNNEST may look at. */
export function resolveFrom(a: Analysis, node: TableExpression, env: Environment, left?: From): From {
  switch (node.kind) {
    case "table-reference":
      return tableReference(a, node, env, left);
    case "unnest":
      return resolveUnnest(a, node, env, left);
    case "subquery-table": {
      const around = node.lateral ? besides(env, left) : env;
      const from = fromRelation(a, resolveQuery(a, node.query, around), node.alias?.name);
      return node.lateral ? lateral(from) : from;
    }
    case "table-function-call": {
      const from = resolveTableFunction(a, node, node.lateral ? besides(env, left) : env, node.alias?.name);
      return node.lateral ? lateral(from) : from;
    }
    case "join":
      return join(a, node, env, left);
    case "pivot-table":
      return resolvePivot(a, node.pivot, resolveFrom(a, node.input, env, left), node.alias?.name, env);
    case "unpivot-table":
      return resolveUnpivot(a, node.unpivot, resolveFrom(a, node.input, env, left), node.alias?.name);
    case "sampled-table":
      return sampled(a, node, env, left);
  }
}

const lateral = (from: From): From => ({
  ...from,
  sql: `LATERAL ${from.sql}`,
  form: { kind: "lateral", alias: onlyAlias(from), plain: from.sql },
});

/** What LATERAL sees: the tables to its left, then what the query around sees. */
const besides = (env: Environment, left: From | undefined): Environment =>
  left ? { ...env, scope: scopeOf(left, env.scope) } : env;

function tableReference(a: Analysis, node: TableReference, env: Environment, left: From | undefined): From {
  const parts = node.name.parts;
  const first = parts[0]!;
  const last = parts.at(-1)!;
  if (parts.length === 1) {
    const common = env.tables.get(first.name.toLowerCase());
    if (common) {
      common.onReference?.();
      if (node.systemTime) a.fail(node.systemTime, "FOR SYSTEM_TIME AS OF cannot be used with tables of a WITH clause");
      if (node.offset) a.fail(node.offset, "WITH OFFSET can only be used with array scans");
      const t = a.fresh("t");
      const columns = common.columns.map((column) => {
        const sql = `${t}.${column.sqlName}`;
        a.partitions.passOn(column.sqlName, sql);
        return { name: column.name, sql, type: column.type };
      });
      return tableOf(`${common.sqlName} AS ${t}`, t, node.alias?.name ?? first.name, columns, common.isValueTable);
    }
  } else if (reaches(first.name, env, left)) {
    const alias = node.alias ?? last;
    return resolveUnnest(
      a,
      { ...node, kind: "unnest", alias, array: { kind: "path", parts, span: node.name.span } },
      env,
      left,
    );
  }
  const path = pathOf(node.name);
  const wildcard = wildcardTable(a, node, path);
  if (wildcard) return wildcard;
  const records = informationSchema(a, node, path);
  if (records) return records;
  const table = a.catalog.table(path);
  if (!table) return a.fail(node.name, `Table not found: ${parts.map((part) => part.name).join(".")}`);
  if (node.offset) a.fail(node.offset, "WITH OFFSET can only be used with array scans");
  if (node.systemTime) a.refuse(node.systemTime, "FOR_SYSTEM_TIME", "there is no history of tables");
  const t = a.fresh("t");
  if (table.columns.some((column) => holdsCollated(column.type))) a.hasCollation = true;
  const columns = table.columns.map((column) => {
    const sql = `${t}.${quoteName(column.physical ?? column.name)}`;
    return { name: column.name, sql: column.convert ? column.convert(sql) : sql, type: column.type };
  });
  const hidden = pseudoColumns(table, t);
  readPartitions(a, node, path, table, [...columns, ...hidden]);
  const alias = node.alias?.name ?? path.at(-1)!;
  return withHidden(tableOf(`${table.sql} AS ${t}`, t, alias, columns, table.isValueTable === true), hidden);
}

/** Whether a name is an alias or a column of what stands to the left, or of a query around. */
function reaches(name: string, env: Environment, left: From | undefined): boolean {
  const key = name.toLowerCase();
  const inner = left ? scopeOf(left, env.scope) : env.scope;
  for (let scope = inner; scope; scope = scope.parent) {
    if (scope.ranges.has(key) || scope.columns.has(key) || scope.locals.has(key)) return true;
  }
  return false;
}

function resolveUnnest(a: Analysis, node: UnnestTable, env: Environment, left: From | undefined): From {
  const scope = left ? scopeOf(left, env.scope) : new Scope({ parent: env.scope });
  const cx: Context = { scope, tables: env.tables, clause: "UNNEST in the FROM clause" };
  const t = a.fresh("t");
  const range = constantRange(a, node.array, cx);
  if (range) return scanOf(`range(${range}) WITH ORDINALITY`, t, node, INT64, false);
  let isCorrelated = false;
  let array = a.listening(
    (at, value) => {
      isCorrelated ||= value.literal === undefined && isAround(at, scope);
    },
    () => resolveFlattened(a, node.array, cx),
  );
  if (array.isUntypedEmptyArray) array = coerce(a, node.array, array, arrayOf(INT64));
  if (array.type.kind !== "ARRAY") {
    return a.fail(
      node.array,
      `Values referenced in UNNEST must be arrays. UNNEST contains expression of type ${typeName(array.type)}`,
    );
  }
  return scanOf(`unnest(${array.sql}) WITH ORDINALITY`, t, node, array.type.element, isCorrelated);
}

/** Whether a scope is this one or one around it. */
function isAround(scope: Scope, inner: Scope): boolean {
  for (let at: Scope | undefined = inner; at; at = at.parent) if (at === scope) return true;
  return false;
}

/** The elements of an array as a table: `c1` the element, `c2` its place from 1. */
function scanOf(sql: string, t: string, node: UnnestTable, type: GoogleSqlType, isCorrelated: boolean): From {
  const value: Column = { name: undefined, sql: `${t}.c1`, type };
  const offset: Column[] = node.offset
    ? [{ name: node.offset.alias?.name ?? "offset", sql: `(${t}.c2 - 1)`, type: INT64, isNeverNull: true }]
    : [];
  return {
    ...tableOf(`${sql} AS ${t}(c1, c2)`, { alias: t, isArray: true }, node.alias?.name, [value], true, offset),
    form: { kind: "array", alias: t, isCorrelated },
  };
}

/** The most elements that are counted out without an array around them, and how far from zero they may be. */
const mostCounted = 16_000_000n;
const furthest = 2n ** 62n;

/** UNNEST(GENERATE_ARRAY(1, n)) of constants needs no array: DuckDB counts, several hundred times as fast. */
function constantRange(a: Analysis, node: Expression, cx: Context): string | undefined {
  if (node.kind !== "function-call" || node.name.length !== 1) return undefined;
  if (node.name[0]!.name.toUpperCase() !== "GENERATE_ARRAY" || a.catalog.function?.(["GENERATE_ARRAY"]))
    return undefined;
  if (node.arguments.length < 2 || node.arguments.length > 3) return undefined;
  const values = node.arguments.map((argument) => {
    const isNumber =
      argument.kind === "integer-literal" || (argument.kind === "unary" && argument.operand.kind === "integer-literal");
    const value = isNumber ? resolve(a, argument, cx) : undefined;
    return value?.type.kind === "INT64" ? value.literal?.value : undefined;
  });
  const [start, end, step = 1n] = values;
  if (typeof start !== "bigint" || typeof end !== "bigint" || typeof step !== "bigint" || step === 0n) return undefined;
  if ([start, end, step].some((value) => value > furthest || value < -furthest)) return undefined;
  if ((end - start) / step >= mostCounted) return undefined;
  return `${start}, ${end + (step > 0n ? 1n : -1n)}, ${step}`;
}

const words: Readonly<Record<Join["operator"], string>> = {
  comma: "CROSS JOIN",
  cross: "CROSS JOIN",
  inner: "JOIN",
  left: "LEFT JOIN",
  right: "RIGHT JOIN",
  full: "FULL JOIN",
};

function join(a: Analysis, node: Join, env: Environment, outerLeft: From | undefined): From {
  const left = resolveFrom(a, node.left, env, outerLeft);
  const visible = outerLeft ? sideBySide(a, node, outerLeft, left) : left;
  // A join in parentheses stands on its own.
  const right = resolveFrom(a, node.right, env, node.right.kind === "join" ? undefined : visible);
  return joinSides(a, node, left, right, env, outerLeft);
}

/** The names of two parts of FROM next to each other. */
function sideBySide(
  a: Analysis,
  node: NodeBase,
  left: From,
  right: From,
  /** Values of the same name on both sides that USING makes one of. */
  merged: ReadonlySet<string> = new Set(),
): From {
  const taken = new Map(left.ranges.map((range) => [range.name.toLowerCase(), range]));
  for (const range of right.ranges) {
    const key = range.name.toLowerCase();
    const other = taken.get(key);
    if (other && !(merged.has(key) && range.value && other.value)) {
      a.fail(node, `Duplicate table alias ${range.name} in the same FROM clause`);
    }
  }
  return {
    sql: "",
    form: { kind: "join" },
    tables: [...left.tables, ...right.tables],
    star: [...left.star, ...right.star],
    ranges: [...left.ranges, ...right.ranges],
    names: [...left.names, ...right.names],
  };
}

/** Joins two resolved sides; also what the pipe operator JOIN does. */
export function joinSides(
  a: Analysis,
  node: Pick<Join, "operator" | "condition"> & NodeBase,
  left: From,
  right: From,
  env: Environment,
  outerLeft?: From,
): From {
  const using_ = node.condition?.kind === "join-using" ? node.condition.columns : [];
  const both = sideBySide(a, node, left, right, new Set(using_.map((column) => column.name.toLowerCase())));
  const scan = right.form?.kind === "array" ? right.form : undefined;
  if ((node.operator === "right" || node.operator === "full") && scan?.isCorrelated) {
    a.refuse(node, "outer_array_join", `${words[node.operator]} with UNNEST`);
  }
  const rightSql = scan ? `LATERAL ${right.sql}` : right.form?.kind === "join" ? `(${right.sql})` : right.sql;
  const operator = words[node.operator];
  const besideLeft = right.form?.kind === "lateral" ? right.form : undefined;
  if (besideLeft && (node.operator === "right" || node.operator === "full")) a.fail(node, `${operator} with LATERAL`);
  if (node.operator === "comma" || node.operator === "cross") {
    if (node.condition) a.fail(node.condition, "ON or USING is not allowed with a cross join");
    return { ...both, sql: `${left.sql} ${operator} ${rightSql}` };
  }
  if (!node.condition) {
    if (!scan)
      a.fail(
        node,
        `${operator.replace("JOIN", "").trim() || "INNER"} JOIN must have an immediately following ON or USING clause`,
      );
    return { ...both, sql: `${left.sql} ${operator} ${rightSql} ON true` };
  }
  if (node.condition.kind === "join-using") return using(a, node, node.condition.columns, left, right, rightSql, both);
  const seen = outerLeft ? sideBySide(a, node, outerLeft, both) : both;
  const cx: Context = { scope: scopeOf(seen, env.scope), tables: env.tables, clause: "JOIN ON clause" };
  const on = condition(a, node.condition.expression, cx, "JOIN ON clause");
  if (node.operator !== "full") {
    const side = { inner: both, left: right, right: left }[node.operator];
    filterPartitions(a, node.condition.expression, cx, side);
  }
  if (besideLeft) {
    // DuckDB takes only plain comparisons in the condition of a lateral join: it goes inside.
    const inner = `LATERAL (SELECT * FROM ${besideLeft.plain} WHERE ${on.sql}) AS ${besideLeft.alias}`;
    return { ...both, sql: `${left.sql} ${operator} ${inner} ON true` };
  }
  if (scan && node.operator === "left") {
    const { alias } = scan;
    // DuckDB takes only plain comparisons in the condition of an outer lateral join: it goes inside.
    const inner = `(SELECT ${alias}.c1, ${alias}.c2 FROM ${right.sql} WHERE ${on.sql}) AS ${alias}(c1, c2)`;
    return { ...both, sql: `${left.sql} ${operator} LATERAL ${inner} ON true` };
  }
  return { ...both, sql: `${left.sql} ${operator} ${rightSql} ON ${on.sql}` };
}

function using(
  a: Analysis,
  node: Pick<Join, "operator"> & NodeBase,
  names: readonly { readonly name: string; readonly span: NodeBase["span"] }[],
  left: From,
  right: From,
  rightSql: string,
  both: From,
): From {
  const merged: Column[] = [];
  const tests: string[] = [];
  const keys = new Set<string>();
  const hidden = new Set<Column>();
  for (const name of names) {
    const key = name.name.toLowerCase();
    if (keys.has(key)) a.fail(name, `Duplicate column name ${name.name} in USING`);
    keys.add(key);
    const l = onlyColumn(a, name, left, "left");
    const r = onlyColumn(a, name, right, "right");
    const [lv, rv] = toSupertype(a, name, [columnValue(l), columnValue(r)], "operator =").values as [Typed, Typed];
    if (holdsCollated(lv.type) && columnValue(l).type.kind !== columnValue(r).type.kind)
      a.refuse(name, "collation", "USING of a collated and another column");
    if (!supportsEquality(lv.type))
      a.fail(name, `Column ${name.name} in USING is of type ${typeName(lv.type)}, which cannot be compared`);
    tests.push(comparisonText(a, name, "=", lv, rv));
    hidden.add(l).add(r);
    merged.push(
      node.operator === "full"
        ? { name: l.name, sql: `COALESCE(${lv.sql}, ${rv.sql})`, type: lv.type }
        : node.operator === "right"
          ? { ...r, name: l.name }
          : l,
    );
  }
  const rest = (columns: readonly Column[]): Column[] =>
    columns.filter((column) => !hidden.has(column) && !(column.name !== undefined && isMerged(column, hidden)));
  const isBoth = (key: string): boolean => both.ranges.filter((range) => range.name.toLowerCase() === key).length > 1;
  const ranges = both.ranges.filter((range) => !isBoth(range.name.toLowerCase()));
  for (const column of merged) {
    if (column.name !== undefined && isBoth(column.name.toLowerCase())) {
      ranges.push({ name: column.name, columns: [], value: column });
    }
  }
  return {
    sql: `${left.sql} ${words[node.operator]} ${rightSql} ON ${tests.join(" AND ")}`,
    tables: both.tables,
    star: [...merged, ...rest(left.star), ...rest(right.star)],
    ranges,
    names: [...merged, ...rest(left.names), ...rest(right.names)],
  };
}

const isMerged = (column: Column, hidden: ReadonlySet<Column>): boolean =>
  [...hidden].some((other) => other.sql === column.sql);

function onlyColumn(
  a: Analysis,
  name: { readonly name: string; readonly span: NodeBase["span"] },
  side: From,
  which: string,
): Column {
  const key = name.name.toLowerCase();
  const found = side.names.filter((column) => column.name?.toLowerCase() === key);
  if (found.length === 0) {
    const range = side.ranges.find((candidate) => candidate.name.toLowerCase() === key && candidate.value);
    if (range?.value) return range.value;
    return a.fail(name, `Column ${name.name} in USING clause not found on ${which} side of join`);
  }
  if (side.ranges.some((range) => range.name.toLowerCase() === key && !range.value)) {
    a.fail(name, `Name ${name.name} in USING clause is a table alias, not a column name, on ${which} side of join`);
  }
  if (found.length > 1 && found.some((column) => column.sql !== found[0]!.sql)) {
    a.fail(name, `Column ${name.name} in USING clause is ambiguous on ${which} side of join`);
  }
  return found[0]!;
}

function sampled(a: Analysis, node: SampledTable, env: Environment, left: From | undefined): From {
  const input = resolveFrom(a, node.input, env, left);
  if (input.form?.kind === "array") a.fail(node.sample, "TABLESAMPLE is not allowed with array scans");
  return sampleOf(a, node.sample, input, env);
}
