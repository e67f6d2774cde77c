import type { CreateTable, Expression } from "../ast.ts";
import { type ArrivalUnit, arrivalColumn, type TableProperties } from "../catalog.ts";
import { type GoogleSqlType, typeName } from "../types.ts";
import type { Analysis } from "./context.ts";

interface TypedColumn {
  readonly name: string;
  readonly type: GoogleSqlType;
}

const wrong =
  "PARTITION BY expression must be _PARTITIONDATE, DATE(_PARTITIONTIME), DATE(<timestamp_column>), DATE(<datetime_column>), DATETIME_TRUNC(<datetime_column>, DAY/HOUR/MONTH/YEAR), a DATE column, TIMESTAMP_TRUNC(<timestamp_column>, DAY/HOUR/MONTH/YEAR), DATE_TRUNC(<date_column>, MONTH/YEAR), or RANGE_BUCKET(<int64_column>, GENERATE_ARRAY(<int64_value>, <int64_value>[, <int64_value>]))";

/** What each function may be called with: the types of the column, and of what follows it. */
const functions: Readonly<Record<string, { readonly types: readonly string[]; readonly parts: RegExp | undefined }>> = {
  DATE: { types: ["TIMESTAMP", "DATETIME"], parts: undefined },
  DATE_TRUNC: { types: ["DATE"], parts: /^(DAY|MONTH|YEAR)$/i },
  DATETIME_TRUNC: { types: ["DATETIME"], parts: /^(DAY|HOUR|MONTH|YEAR)$/i },
  TIMESTAMP_TRUNC: { types: ["TIMESTAMP"], parts: /^(DAY|HOUR|MONTH|YEAR)$/i },
};

/** What PARTITION BY says of a table: the column, and of the time of arrival what it is truncated to. */
export type Partitioning = Pick<TableProperties, "partitionColumn" | "arrivalUnit">;

/**
 * The column that PARTITION BY goes by, one of `columns` or the pseudo column of the time of arrival; undefined without PARTITION BY.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#partition_expression
 */
export function partitioningOf(
  a: Analysis,
  node: CreateTable,
  columns: readonly TypedColumn[],
): Partitioning | undefined {
  const { partitionBy } = node;
  if (!partitionBy) return undefined;
  if (partitionBy.kind === "path") {
    const name = nameOf(partitionBy);
    if (name && /^_PARTITIONDATE$/i.test(name)) return arrival(a, node, "DAY");
    return { partitionColumn: column(a, partitionBy, columns, ["DATE"]) };
  }
  if (partitionBy.kind !== "function-call" || partitionBy.name.length !== 1) return a.fail(partitionBy, wrong);
  const [first, second, ...more] = partitionBy.arguments as readonly Expression[];
  const name = partitionBy.name[0]!.name.toUpperCase();
  if (!first || more.length > 0) return a.fail(partitionBy, wrong);
  if (name === "RANGE_BUCKET") {
    const steps = second?.kind === "function-call" ? second.name.at(-1)!.name.toUpperCase() : undefined;
    return steps === "GENERATE_ARRAY"
      ? { partitionColumn: column(a, first, columns, ["INT64"]) }
      : a.fail(partitionBy, wrong);
  }
  const served = functions[name] ?? a.fail(partitionBy, wrong);
  if ((served.parts === undefined) !== (second === undefined)) return a.fail(partitionBy, wrong);
  if (second && !served.parts!.test(nameOf(second) ?? "")) return a.fail(second, wrong);
  const isArrival = /^_PARTITIONTIME$/i.test(nameOf(first) ?? "");
  if (isArrival && served.types.includes("TIMESTAMP"))
    return arrival(a, node, second ? (nameOf(second)!.toUpperCase() as ArrivalUnit) : "DAY");
  return { partitionColumn: column(a, first, columns, served.types) };
}

/** Rows of a query would all have arrived now; BigQuery does not make such a table. */
function arrival(a: Analysis, node: CreateTable, arrivalUnit: ArrivalUnit): Partitioning {
  if (node.query)
    a.fail(
      node.partitionBy!,
      "A table that is partitioned by the time of arrival is not made of a query: declare its columns, and INSERT the rows",
    );
  return { partitionColumn: arrivalColumn, arrivalUnit };
}

const nameOf = (node: Expression): string | undefined =>
  node.kind === "path" && node.parts.length === 1 ? node.parts[0]!.name : undefined;

function column(a: Analysis, node: Expression, columns: readonly TypedColumn[], types: readonly string[]): string {
  const name = nameOf(node) ?? a.fail(node, wrong);
  const found = columns.find((one) => one.name.toLowerCase() === name.toLowerCase());
  if (!found) return a.fail(node, `Unrecognized name: ${name}`);
  if (!types.includes(found.type.kind)) a.fail(node, wrong);
  return found.name;
}

const clusterable: ReadonlySet<GoogleSqlType["kind"]> = new Set([
  "BIGNUMERIC",
  "BOOL",
  "COLLATED",
  "DATE",
  "DATETIME",
  "INT64",
  "NUMERIC",
  "RANGE",
  "STRING",
  "TIMESTAMP",
]);

/** CLUSTER BY changes no answer, but a table that BigQuery would not make is not made here either. */
export function checkClustering(a: Analysis, node: CreateTable, columns: readonly TypedColumn[]): void {
  if (node.clusterBy.length > 4) a.fail(node.clusterBy[4]!, "CLUSTER BY takes at most 4 columns");
  for (const key of node.clusterBy) {
    const name = nameOf(key) ?? a.fail(key, "Entries in the CLUSTER BY clause must be column names");
    const found = columns.find((one) => one.name.toLowerCase() === name.toLowerCase());
    if (!found) {
      a.fail(key, `The field specified for clustering cannot be found in the schema. Invalid field: ${name}`);
    }
    if (!clusterable.has(found.type.kind))
      a.fail(key, `CLUSTER BY expression must be groupable, but ${name} is of type ${typeName(found.type)}`);
  }
}
