import time from "../../includes/time.js";
import type { Column } from "../../warehouse/warehouse.ts";
import { sortedColumns } from "../digest/cells.ts";
import type { SnapshotSpec } from "./snapshot-lock.ts";

const timestamp = (text: string): string => `timestamp '${text}'`;

/**
 * The rows of a snapshot as GoogleSQL: mature and consented, of the asked range. A stratified sample takes each stratum's share
 * (at least one row), in the order of a hash of the key: the same rows whoever asks.
 */
export function snapshotQuery(spec: SnapshotSpec, columns: readonly Column[]): string {
  const list = sortedColumns(columns).map((c) => `\`${c.name}\``);
  const conditions = [
    "is_mature",
    "has_training_consent",
    ...(spec.as_of ? [`${time.closesAt("sent_at")} <= ${timestamp(spec.as_of)}`] : []),
    ...(spec.sent_from ? [`sent_at >= ${timestamp(spec.sent_from)}`] : []),
    ...(spec.sent_to ? [`sent_at < ${timestamp(spec.sent_to)}`] : []),
  ];
  const rows = `select\n  ${list.join(",\n  ")}\nfrom ${spec.table}\nwhere ${conditions.join("\n  and ")}`;
  if (!spec.sample) return rows;
  const by = spec.sample.by.map((name) => `\`${name}\``).join(", ");
  return `with
_eligible as (
  ${rows.replaceAll("\n", "\n  ")}
),
_ranked as (
  select
    *,
    row_number() over (partition by ${by} order by to_hex(sha256(message_id)), message_id) as _rank,
    count(*) over (partition by ${by}) as _stratum_rows,
    count(*) over () as _all_rows
  from _eligible
)
select
  ${list.join(",\n  ")}
from _ranked
where _rank <= greatest(1, cast(floor(${spec.sample.rows} * _stratum_rows / _all_rows) as int64))`;
}
