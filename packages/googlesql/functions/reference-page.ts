import type { ArgumentSpec, FunctionEntry, FunctionLibrary, Signature } from "./contract.ts";

/** The reference page of the local engine as markdown, from the catalogue alone: the same catalogue gives the same bytes. */
export function referencePage(catalogue: readonly FunctionLibrary[]): string {
  const entries = catalogue.flatMap((library) => library.functions);
  const verified = entries.filter((entry) => entry.status.kind === "verified");
  const refused = entries.filter((entry) => entry.status.kind === "refused");
  const groups = [...new Set(verified.map((entry) => entry.group))].sort();
  return [
    "# GoogleSQL functions on the local engine",
    "",
    "Made by `npm run codegen` from the catalogue in `packages/googlesql/functions/`; do not edit by hand.",
    "",
    "A function on this list gives what GoogleSQL gives, errors included. One that is not on it is refused with its name, file, line and",
    "column. Some calls of a listed function are refused too (a regular expression that is no literal, for example); the message says why.",
    "",
    `${verified.length} functions are served, ${refused.length} are refused.`,
    "",
    ...groups.flatMap((group) => [
      `## ${heading(group)}`,
      "",
      "| Function | Signatures |",
      "| --- | --- |",
      ...verified
        .filter((entry) => entry.group === group)
        .sort(byName)
        .map(
          (entry) =>
            `| ${namesOf(entry)} | ${entry.signatures
              .filter((one) => !one.alwaysFails)
              .map((one) => `\`${signatureText(entry, one)}\``)
              .join("<br>")} |`,
        ),
      "",
    ]),
    "## Table functions",
    "",
    "In FROM, besides those that CREATE TABLE FUNCTION makes. Names of columns, methods and widths are written out.",
    "",
    "| Function | Arguments |",
    "| --- | --- |",
    "| `GAP_FILL` | `TABLE t \\| (query), ts_column, bucket_width, [partitioning_columns], [value_columns], [origin], [ignore_null_values]`; `linear` for INT64 and FLOAT64 |",
    "| `RANGE_SESSIONIZE` | `TABLE t \\| (query), range_column, partitioning_columns, [sessionize_option]` |",
    "| `VECTOR_SEARCH` | `TABLE t \\| (query), column_to_search, TABLE q \\| (query) \\| query_value => v, [query_column_to_search], [top_k], [distance_type], [options]`; every row is compared; `EUCLIDEAN` and `COSINE` |",
    "",
    "## Differential privacy",
    "",
    "`SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = e, delta = d, privacy_unit_column = column, [max_groups_contributed = n]) ... [GROUP BY ...]`, in a query that stands in no expression.",
    "With GROUP BY `max_groups_contributed` must be there: without it nothing would bound what one unit adds. Bounds are literals, and must be there too.",
    "A FLOAT64 more than about 10^12 times beyond its bounds counts as that far.",
    "",
    "| Function | Arguments |",
    "| --- | --- |",
    "| `AVG` | `AVG(INT64 \\| FLOAT64, contribution_bounds_per_group => (lower, upper))` |",
    "| `COUNT` | `COUNT(* \\| expression, contribution_bounds_per_group => (lower, upper))` |",
    "| `PERCENTILE_CONT` | `PERCENTILE_CONT(INT64 \\| FLOAT64, percentile, contribution_bounds_per_row => (lower, upper))`; of each unit five rows of a group at most |",
    "| `SUM` | `SUM(INT64 \\| FLOAT64, contribution_bounds_per_group => (lower, upper))` |",
    "",
    "Refused by name: other aggregates, bounds that are worked out from the data, `report_format`, `group_selection_strategy`, `max_rows_contributed`, DISTINCT and ORDER BY within a call,",
    "ROLLUP, CUBE, GROUPING SETS, window functions, queries within its expressions, and `privacy_policy` of a view. How it is done, and what it promises: [differential-privacy.md](differential-privacy.md).",
    "",
    "## Not on the local engine",
    "",
    "| Function | Why |",
    "| --- | --- |",
    ...refused
      .sort(byName)
      .map((entry) => `| ${namesOf(entry)} | ${entry.status.kind === "refused" ? entry.status.reason : ""} |`),
    "",
  ].join("\n");
}

const heading = (group: string): string => group.charAt(0).toUpperCase() + group.slice(1);
const byName = (a: FunctionEntry, b: FunctionEntry): number => (a.names[0] < b.names[0] ? -1 : 1);
const namesOf = (entry: FunctionEntry): string => entry.names.map((name) => `\`${name}\``).join(", ");

function signatureText(entry: FunctionEntry, signature: Signature): string {
  const result = typeof signature.result === "string" ? ` -> ${signature.result}` : "";
  const over = entry.kind === "analytic" ? " OVER (...)" : "";
  return `${entry.names[0]}(${signature.args.map(argumentText).join(", ")})${over}${result}`;
}

function argumentText(arg: ArgumentSpec): string {
  const type = arg.lambda
    ? `${arg.lambda.args.join(", ")} -> ${arg.lambda.result}`
    : (arg.parts?.join("\\|") ?? arg.type);
  const text = `${arg.name ? `${arg.name} => ` : ""}${type}`;
  if (arg.repeated) return `[${text}, ...]`;
  return arg.optional ? `[${text}]` : text;
}
