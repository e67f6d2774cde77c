import type { SetDataType } from "../ast.ts";
import type { CatalogColumn } from "../catalog.ts";
import { castText } from "../emit/cast.ts";
import { quoteName, stringText } from "../emit/text.ts";
import { parseTypeName } from "../parser/parse.ts";
import { duckdbType, typeName } from "../types.ts";
import type { Analysis } from "./context.ts";
import { declaredText, limitedType } from "./type-limits.ts";

/** What a number's column may become: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#details_21 */
const wider: Readonly<Record<string, readonly string[]>> = {
  INT64: ["NUMERIC", "BIGNUMERIC", "FLOAT64"],
  NUMERIC: ["BIGNUMERIC", "FLOAT64"],
};

/** Digits before and after the point, or the length, that a type is limited to. */
function limitsOf(declared: string | undefined): readonly [bigint, bigint] | undefined {
  if (declared === undefined) return undefined;
  const node = parseTypeName(declared);
  if (node.kind !== "simple-type") return undefined;
  const [first, second = 0n] = node.parameters.map(({ value }) => value);
  return typeof first === "bigint" && typeof second === "bigint" ? [first - second, second] : undefined;
}

/** DuckDB SQL of ALTER COLUMN SET DATA TYPE: limits may only get wider, and numbers only become numbers that hold them all. */
export function setDataType(
  a: Analysis,
  node: SetDataType,
  table: string,
  alterColumn: string,
  column: CatalogColumn,
): readonly string[] {
  const { type } = limitedType(a, node.type);
  const declared = declaredText(node.type);
  const from = column.declared ?? typeName(column.type);
  const to = declared ?? typeName(type);
  const fail = (): never =>
    a.fail(node, `ALTER TABLE ALTER COLUMN SET DATA TYPE requires that ${from} can be coerced to ${to}`);
  if (/COLLATE/.test(`${from} ${to}`)) return a.refuse(node, "collation", "another type for a collated column");
  const isSame = typeName(type) === typeName(column.type);
  if (type.kind === "ARRAY" || type.kind === "STRUCT" || column.convert !== undefined)
    return isSame && from === to ? [] : a.refuse(node, "ALTER_COLUMN", "another type for a nested column");
  if (!isSame && (declared !== undefined || !wider[column.type.kind]?.includes(type.kind))) return fail();
  const [before, after] = [limitsOf(column.declared), limitsOf(declared)];
  if (after !== undefined && (before === undefined || after[0] < before[0] || after[1] < before[1])) return fail();
  const mark = declared ?? (type.kind === "BIGNUMERIC" ? "BIGNUMERIC" : undefined);
  const name = quoteName(column.name);
  const changed = isSame
    ? []
    : [`${alterColumn} TYPE ${duckdbType(type)} USING ${castText(name, column.type, type, a.fresh)}`];
  const text = mark === undefined ? "NULL" : stringText(`googlesql:${mark}`);
  return [...changed, `COMMENT ON COLUMN ${table}.${name} IS ${text}`];
}
