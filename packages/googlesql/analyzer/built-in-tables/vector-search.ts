import type { Expression } from "../../ast.ts";
import { quotedName, typeName } from "../../types.ts";
import type { Analysis } from "../context.ts";
import type { Relation } from "../relation.ts";
import { argumentsByName, columnOf, constantOf, type TableCall, textOf } from "./arguments.ts";
import type { Rewritten } from "./rewritten.ts";

const distances: Readonly<Record<string, string>> = { EUCLIDEAN: "euclidean_distance", COSINE: "cosine_distance" };
const common = ["top_k", "distance_type", "options"];

/**
 * VECTOR_SEARCH by brute force: for each row asked about, the rows of the table that are nearest to it. Of rows that are as far, any.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/search_functions#vector_search
 */
export function vectorSearch(
  a: Analysis,
  node: TableCall,
  base: Relation,
  tableOf: (argument: TableCall["arguments"][number]) => Relation,
): Rewritten {
  const [column, second, ...more] = node.arguments.slice(1);
  const isSingle = second?.kind === "named-argument" && second.name.name.toLowerCase() === "query_value";
  const asked = isSingle || second === undefined ? undefined : tableOf(second);
  if (column === undefined || (asked === undefined && !isSingle))
    return a.fail(node, "VECTOR_SEARCH takes a table, the name of a column, and a query table or query_value");
  const rest = isSingle ? [column, second, ...more] : [column, ...more];
  const names = isSingle
    ? ["column_to_search", "query_value", ...common]
    : ["column_to_search", "query_column_to_search", ...common];
  const given = argumentsByName(a, node, rest, names, isSingle ? 2 : 1);

  const columnAt = given.get("column_to_search")!;
  const inBase = vectorColumn(a, columnAt, base, textOf(a, columnAt, "column_to_search"));
  const distance = distances[distanceType(a, given.get("distance_type"))]!;
  const most = topK(a, given.get("top_k"));
  checkOptions(a, given.get("options"));
  const nearest = most === undefined ? "" : ` where _vs_place <= ${most}`;
  const found = (query: string, vector: string): string => `
    found as (
      select ${query}b as base, ${distance}(ifnull(${vector}, []), ifnull(b.${inBase}, [])) as distance
      from asked cross join input as b)`;
  if (isSingle) {
    const at = given.get("query_value")!;
    const value = constantOf(a, at);
    if (value.type.kind === "STRING") return a.refuse(at, "VECTOR_SEARCH", "embeddings that BigQuery makes of texts");
    const text = `
      with asked as (select 1 as _vs_one), ${found("", "_vs_value")},
      placed as (select *, row_number() over (order by distance) as _vs_place from found)
      select base, distance from placed${nearest}`;
    return { text, locals: [["_vs_value", value]] };
  }
  const askedAt = given.get("query_column_to_search");
  const inAsked = askedAt
    ? vectorColumn(a, askedAt, asked!, textOf(a, askedAt, "query_column_to_search"))
    : likelyColumn(a, node, asked!, inBase);
  const text = `
    with asked as (select q as query, row_number() over () as _vs_asked from queries as q),
    ${found("query, _vs_asked, ", `query.${inAsked}`)},
    placed as (select *, row_number() over (partition by _vs_asked order by distance) as _vs_place from found)
    select query, base, distance from placed${nearest}`;
  return { text, locals: [], tables: [["queries", asked!]] };
}

const isVector = ({ type }: Relation["columns"][number]): boolean =>
  type.kind === "ARRAY" && type.element.kind === "FLOAT64";

function vectorColumn(a: Analysis, node: Expression, table: Relation, name: string): string {
  const column = columnOf(a, node, table, name);
  if (column.type.kind === "STRING")
    return a.refuse(node, "VECTOR_SEARCH", `embeddings that BigQuery makes of the column ${name}`);
  if (!isVector(column)) a.fail(node, `Column ${name} is no ARRAY<FLOAT64>, but ${typeName(column.type)}`);
  return quotedName(column.name);
}

/** The column of the name that the base's has, or the only one that can be meant. */
function likelyColumn(a: Analysis, node: TableCall, asked: Relation, inBase: string): string {
  const vectors = asked.columns.filter(isVector);
  const named = vectors.filter(({ name }) => quotedName(name ?? "").toLowerCase() === inBase.toLowerCase());
  const [column, ...others] = named.length > 0 ? named : vectors;
  if (column?.name === undefined || others.length > 0)
    return a.fail(node, "query_column_to_search is needed: the query table has no column, or several, to search with");
  return quotedName(column.name);
}

function distanceType(a: Analysis, node: Expression | undefined): string {
  const type = node ? textOf(a, node, "distance_type").toUpperCase() : "EUCLIDEAN";
  if (node && type === "DOT_PRODUCT") a.refuse(node, "VECTOR_SEARCH", "the distance type DOT_PRODUCT");
  if (node && !distances[type]) a.fail(node, `distance_type is EUCLIDEAN, COSINE or DOT_PRODUCT, not ${type}`);
  return type;
}

/** undefined where all rows are wanted. */
function topK(a: Analysis, node: Expression | undefined): bigint | undefined {
  if (!node) return 10n;
  const value = constantOf(a, node);
  if (value.type.kind !== "INT64") a.fail(node, `top_k is an INT64, not ${typeName(value.type)}`);
  const count = value.literal?.value;
  if (typeof count !== "bigint") return a.refuse(node, "table_function_argument", "top_k that is no literal");
  return count < 0n ? undefined : count;
}

/** What there is to choose is about an index, which there is none of here. */
function checkOptions(a: Analysis, node: Expression | undefined): void {
  if (!node) return;
  const fail = (): never => a.fail(node, "options is a JSON object with fraction_lists_to_search or use_brute_force");
  let value: unknown;
  try {
    value = JSON.parse(textOf(a, node, "options"));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    fail();
  }
  const known = ["fraction_lists_to_search", "use_brute_force"];
  if (
    typeof value !== "object" ||
    value === null ||
    Array.isArray(value) ||
    Object.keys(value).some((key) => !known.includes(key))
  )
    fail();
}
