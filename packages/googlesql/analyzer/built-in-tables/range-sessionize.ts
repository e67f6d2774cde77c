import { quotedName } from "../../types.ts";
import type { Analysis } from "../context.ts";
import type { Relation } from "../relation.ts";
import { argumentsByName, columnOf, elementsOf, type TableCall, textOf } from "./arguments.ts";
import type { Rewritten } from "./rewritten.ts";

/** Which time is before all others, and which after: what an open end compares as. */
const ends: Readonly<Record<string, readonly [string, string]>> = {
  DATE: ["date '0001-01-01'", "date '9999-12-31'"],
  DATETIME: ["datetime '0001-01-01 00:00:00'", "datetime '9999-12-31 23:59:59.999999'"],
  TIMESTAMP: ["timestamp '0001-01-01 00:00:00+00'", "timestamp '9999-12-31 23:59:59.999999+00'"],
};

/**
 * RANGE_SESSIONIZE: all columns of the table, and `session_range`, from the first start to the last end of the ranges that hang
 * together. A NULL range is in no session.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/range-functions#range_sessionize
 */
export function rangeSessionize(a: Analysis, node: TableCall, input: Relation): Rewritten {
  const names = ["range_column", "partitioning_columns", "sessionize_option"];
  const given = argumentsByName(a, node, node.arguments.slice(1), names, 2);
  const at = given.get("range_column")!;
  const column = columnOf(a, at, input, textOf(a, at, "range_column"));
  const { type } = column;
  if (type.kind !== "RANGE") return a.fail(at, `Column ${column.name} is no RANGE`);
  const [first, last] = ends[type.element.kind]!;
  const by = given.get("partitioning_columns")!;
  const keys = elementsOf(a, by, "partitioning_columns").map((element) =>
    quotedName(columnOf(a, by, input, textOf(a, by, "partitioning_columns", element)).name),
  );
  const optionAt = given.get("sessionize_option");
  const option = optionAt ? textOf(a, optionAt, "sessionize_option") : "MEETS";
  if (option !== "MEETS" && option !== "OVERLAPS")
    return a.fail(optionAt!, `sessionize_option must be MEETS or OVERLAPS, not ${option}`);
  const range = quotedName(column.name);
  const partition = `partition by ${[...keys, "_rs_none"].join(", ")}`;
  const before = `${partition} order by _rs_n rows between unbounded preceding and 1 preceding`;
  // A range begins a session when none before it reaches it; one without an end reaches all.
  const reached = option === "MEETS" ? ">=" : ">";
  const text = `
    with bounds as (
      select *, range_start(${range}) as _rs_start, range_end(${range}) as _rs_end, ${range} is null as _rs_none from input),
    placed as (
      select *, row_number() over (${partition} order by ifnull(_rs_start, ${first}), _rs_start is not null, ifnull(_rs_end, ${last})) as _rs_n
      from bounds),
    begun as (
      select *, not ifnull(logical_or(_rs_end is null) over (${before})
        or max(_rs_end) over (${before}) ${reached} ifnull(_rs_start, ${first}), false) as _rs_begins from placed),
    sessions as (
      select *, countif(_rs_begins) over (${partition} order by _rs_n rows between unbounded preceding and current row) as _rs_session
      from begun)
    select * except (_rs_start, _rs_end, _rs_none, _rs_n, _rs_begins, _rs_session),
      if(_rs_none, null, range(
        if(logical_or(_rs_start is null) over w, null, min(_rs_start) over w),
        if(logical_or(_rs_end is null) over w, null, max(_rs_end) over w))) as session_range
    from sessions window w as (${partition}, _rs_session)`;
  return { text, locals: [] };
}
