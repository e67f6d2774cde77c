import time from "../../includes/time.js";
import type { Column } from "../../warehouse/warehouse.ts";
import { sortedColumns } from "../digest/cells.ts";
import type { SnapshotSpec, SplitSpec } from "./snapshot-lock.ts";
import { type Cut, postAiColumn, postAiSql, sideSql, splitColumn } from "./split.ts";

const timestamp = (text: string): string => `timestamp '${text}'`;
const listOf = (columns: readonly Column[]): string =>
  sortedColumns(columns)
    .map((c) => `\`${c.name}\``)
    .join(",\n  ");

/** The mature and consented rows of the asked range, as GoogleSQL. */
export function eligibleQuery(spec: SnapshotSpec, columns: readonly Column[]): string {
  const conditions = [
    "is_mature",
    "has_training_consent",
    ...(spec.as_of ? [`${time.closesAt("sent_at")} <= ${timestamp(spec.as_of)}`] : []),
    ...(spec.sent_from ? [`sent_at >= ${timestamp(spec.sent_from)}`] : []),
    ...(spec.sent_to ? [`sent_at < ${timestamp(spec.sent_to)}`] : []),
  ];
  return `select\n  ${listOf(columns)}\nfrom ${spec.table}\nwhere ${conditions.join("\n  and ")}`;
}

/** The columns of a snapshot: those of its table, the side of each row, and whether it is one of the post-AI set where the table can tell. */
export const frozenColumns = (columns: readonly Column[]): readonly Column[] => [
  ...columns,
  splitColumn,
  ...(postAiSql(columns) === undefined ? [] : [postAiColumn]),
];

/**
 * The rows of a snapshot as GoogleSQL: those of the range that are on a side. A stratified sample takes each stratum's share
 * (at least one row), in the order of a hash of the key: the same rows whoever asks.
 */
export function snapshotQuery(spec: SnapshotSpec & { split: SplitSpec }, columns: readonly Column[], cut: Cut): string {
  const postAi = postAiSql(columns);
  const list = listOf(frozenColumns(columns));
  const sided = `with
_eligible as (
  ${eligibleQuery(spec, columns).replaceAll("\n", "\n  ")}
),
_sided as (
  select *, ${sideSql(columns, spec.split, cut)} as split
  from _eligible
),
_kept as (
  select *${postAi === undefined ? "" : `, coalesce(split = 'validate' and ${postAi}, false) as is_post_ai`}
  from _sided
  where split is not null
)`;
  if (!spec.sample) return `${sided}\nselect\n  ${list}\nfrom _kept`;
  const by = spec.sample.by.map((name) => `\`${name}\``).join(", ");
  return `${sided},
_ranked as (
  select
    *,
    row_number() over (partition by ${by} order by to_hex(sha256(message_id)), message_id) as _rank,
    count(*) over (partition by ${by}) as _stratum_rows,
    count(*) over () as _all_rows
  from _kept
)
select
  ${list}
from _ranked
where _rank <= greatest(1, cast(floor(${spec.sample.rows} * _stratum_rows / _all_rows) as int64))`;
}
