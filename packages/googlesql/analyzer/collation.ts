import type { NodeBase } from "../ast.ts";
import type { EmitContext } from "../functions/contract.ts";
import { arrayOf, COLLATED, type GoogleSqlType, holdsCollated, STRING } from "../types.ts";
import type { Analysis } from "./context.ts";
import type { Relation } from "./relation.ts";
import { flagsOf, literal, type Typed } from "./typed.ts";

// https://cloud.google.com/bigquery/docs/reference/standard-sql/collation-concepts

/** What stands for a collated string wherever values are told apart or put in order: the sort key of ICU's root, without case. */
export const collationKey = (sql: string): string => `gs_ci(${sql})`;

/** The text that a value is compared by, where the comparison is DuckDB's own. */
export const comparedText = (value: Pick<Typed, "sql" | "type">): string =>
  value.type.kind === "COLLATED" ? collationKey(value.sql) : value.sql;

/** A string as a collated one. Its text is another, since texts tell expressions apart. */
export function asCollated(a: Analysis, value: Typed): Typed {
  a.hasCollation = true;
  return {
    sql: `gs_collated(${value.sql})`,
    type: COLLATED,
    ...flagsOf(value),
    isNeverNull: value.isNeverNull,
  };
}

/** The collation that a text names: that of bytes or that without regard to case; others are refused. */
export function collationNamed(a: Analysis, at: NodeBase, name: string, isOrder = false): "binary" | "ci" {
  if (name === "" || (isOrder && /^(?:binary|unicode)$/i.test(name))) return "binary";
  if (name.toLowerCase() === "und:ci") return "ci";
  return a.refuse(at, "collation", `the collation '${name}'`);
}

/** COLLATE(x, 'und:ci'), or ORDER BY x COLLATE 'und:ci'. */
export function collate(a: Analysis, at: NodeBase, value: Typed, name: string | undefined, isOrder = false): Typed {
  if (name === undefined) return a.refuse(at, "COLLATE", "a collation that is no literal");
  a.hasCollation = true;
  const isText = value.type.kind === "STRING" || value.type.kind === "COLLATED" || value.isUntypedNull;
  if (!isText) return a.refuse(at, "COLLATE", "COLLATE of a value that is no STRING");
  const text: Typed = value.isUntypedNull ? { ...value, sql: "CAST(NULL AS VARCHAR)", type: STRING } : value;
  return collationNamed(a, at, name, isOrder) === "ci" ? asCollated(a, text) : asPlain(text);
}

/** A collated string as one that is compared by its bytes. */
export const asPlain = (value: Typed): Typed => ({
  sql: `gs_collated(${value.sql})`,
  type: STRING,
  ...flagsOf(value),
  isNeverNull: value.isNeverNull,
});

/** x LIKE pattern where either is collated: as everything that looks for texts in texts, within ASCII. */
export const collatedLike = (operand: Typed, pattern: Typed): string =>
  `(gs_ci_ascii(${operand.sql}) LIKE gs_ci_pattern(${pattern.sql}))`;

/** What stands before a SELECT list for each row to come once; of strings that differ in case alone, one. */
export function distinctHead(values: readonly Pick<Typed, "sql" | "type">[]): string {
  if (!values.some((value) => value.type.kind === "COLLATED")) return "DISTINCT ";
  return `DISTINCT ON (${values.map(comparedText).join(", ")}) `;
}

const valuesOf = (t: string, columns: Relation["columns"]): readonly Pick<Typed, "sql" | "type">[] =>
  columns.map((column) => ({ sql: `${t}.${column.sqlName}`, type: column.type }));

/** Each row of a relation once. */
export function distinctRows(a: Analysis, { sql, columns }: Pick<Relation, "sql" | "columns">): string {
  const t = a.fresh("t");
  return `SELECT ${distinctHead(valuesOf(t, columns))}${t}.* FROM (${sql}) AS ${t}`;
}

/** The rows of the first relation, each once, that all of the others have too (`in all`), or none of them has (`in none`). */
export function rowsBeside(
  a: Analysis,
  how: "in all" | "in none",
  inputs: readonly Pick<Relation, "sql" | "columns">[],
): string {
  const { columns } = inputs[0]!;
  const t = a.fresh("t");
  // Groups, not a join: DuckDB has no join of this kind in a query that refers to the one around it.
  const sides = inputs.map((input, side) => {
    const list = input.columns.map(({ sqlName }, i) => `${sqlName} AS ${columns[i]!.sqlName}`);
    return `(SELECT ${[...list, `${side} AS side`].join(", ")} FROM (${input.sql}) AS ${a.fresh("t")})`;
  });
  const first = columns.map(({ sqlName }) => `first(${t}.${sqlName}) FILTER (WHERE ${t}.side = 0) AS ${sqlName}`);
  const has = (side: number): string => `bool_or(${t}.side = ${side})`;
  const having = how === "in all" ? inputs.map((_, side) => has(side)).join(" AND ") : `bool_and(${t}.side = 0)`;
  const keys = valuesOf(t, columns).map(comparedText).join(", ");
  return `SELECT ${first.join(", ")} FROM (${sides.join(" UNION ALL ")}) AS ${t} GROUP BY ${keys} HAVING ${having}`;
}

/** Of functions that the documentation says pass collation on, by what of theirs is collated. */
const passing = new Set(
  "CONCAT LEFT LOWER LPAD NORMALIZE NORMALIZE_AND_CASEFOLD REPEAT REVERSE RIGHT RPAD SOUNDEX SUBSTR SUBSTRING UPPER STRING_AGG ARRAY_TO_STRING".split(
    " ",
  ),
);
/** The same, of functions whose result is of their argument's type as it is. */
const typed = new Set("ANY_VALUE ARRAY_AGG ARRAY_FIRST ARRAY_LAST ARRAY_SLICE LAG LEAD NTH_VALUE".split(" "));
/** Functions that see no difference, and give no text. */
const indifferent = new Set(
  "LENGTH CHAR_LENGTH CHARACTER_LENGTH BYTE_LENGTH OCTET_LENGTH COUNT ARRAY_LENGTH TO_CODE_POINTS".split(" "),
);
/** Functions that look for one text in another. */
const searching = new Set("STARTS_WITH ENDS_WITH STRPOS INSTR".split(" "));

/** How a call with a collated argument is served. */
export interface CollatedCall {
  /** Each argument as the function is to get it. */
  readonly argument: (value: Typed, index: number) => Typed;
  /** The result, from what the function gave. */
  readonly result: (type: GoogleSqlType) => GoogleSqlType;
  /** In place of the function's own text. */
  readonly emit?: ((args: readonly string[], ctx: EmitContext) => string) | undefined;
}

const same = (value: Typed): Typed => value;
const sameResult = (type: GoogleSqlType): GoogleSqlType => type;

/** The type with its collation taken away. */
function withoutCollation(type: GoogleSqlType): GoogleSqlType {
  if (type.kind === "COLLATED") return STRING;
  return type.kind === "ARRAY" ? { kind: "ARRAY", element: withoutCollation(type.element) } : type;
}

const asBytes = (value: Typed): Typed =>
  holdsCollated(value.type) ? { ...value, type: withoutCollation(value.type), arrayElements: undefined } : value;

/**
 * How a function takes collated arguments; undefined when none is. What the documentation does not name as passing collation on or
 * acting by it is refused, as is what needs Unicode's search.
 */
export function collatedCall(
  a: Analysis,
  node: NodeBase,
  name: string,
  values: readonly Typed[],
  isDistinct: boolean,
): CollatedCall | undefined {
  if (!values.some((value) => holdsCollated(value.type))) return undefined;
  const refuse = (): never => a.refuse(node, "collation", `${name} of a collated string`);
  if (values.some((value) => value.type.kind === "STRUCT" && holdsCollated(value.type))) return refuse();
  if (isDistinct) {
    if (name !== "COUNT" || values[0]!.type.kind !== "COLLATED") return refuse();
    return { argument: (value) => ({ ...value, sql: collationKey(value.sql), type: STRING }), result: sameResult };
  }
  if (name === "MIN" || name === "MAX") {
    if (values[0]!.type.kind !== "COLLATED") return refuse();
    const emit = ([x]: readonly string[], ctx: EmitContext): string =>
      ctx.aggregate(name === "MIN" ? "arg_min" : "arg_max", [x!, collationKey(x!)]);
    return { argument: same, result: sameResult, emit };
  }
  if (typed.has(name)) return { argument: same, result: sameResult };
  if (indifferent.has(name)) return { argument: asBytes, result: sameResult };
  if (searching.has(name)) {
    const folded = (value: Typed, i: number): Typed => {
      if (value.type.kind !== "COLLATED" && value.type.kind !== "STRING") return value;
      const sql = i === 0 ? `gs_ci_ascii(${value.sql})` : `gs_ci_sought(${value.sql})`;
      return { sql, type: STRING, ...flagsOf(value, { canFail: true }), isUntypedNull: value.isUntypedNull };
    };
    return { argument: folded, result: sameResult };
  }
  if (name === "REPLACE" || name === "SPLIT") {
    const sought = values[1] ?? literal(",", STRING);
    const isText = [...values, sought].every((value) => value.type.kind === "COLLATED" || value.type.kind === "STRING");
    if (!isText) return refuse();
    const helper = name === "REPLACE" ? "gs_ci_replace" : "gs_ci_split";
    const emit = (args: readonly string[]): string =>
      `${helper}(${[args[0], sought.sql, ...args.slice(2)].join(", ")})`;
    return { argument: same, result: () => (name === "SPLIT" ? arrayOf(COLLATED) : COLLATED), emit };
  }
  if (name === "FORMAT" && values[0]!.type.kind === "STRING") return { argument: asBytes, result: sameResult };
  if (!passing.has(name)) return refuse();
  return { argument: asBytes, result: (type) => (type.kind === "STRING" ? COLLATED : refuse()) };
}
