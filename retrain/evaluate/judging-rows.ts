import type { Model } from "../../scoring/model.ts";
import type { Table } from "../../warehouse/duckdb/read-parquet.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import { splitOf } from "../snapshot/split.ts";

/** The rows that the snapshot sets aside to judge on, later than what a model learned from another snapshot. */
export function judgingRows(table: Table, models: readonly Model[], snapshot: Snapshot): readonly number[] {
  const others = models.filter(({ record }) => !isOwnSnapshot(record, snapshot));
  const after = Math.max(Number.NEGATIVE_INFINITY, ...others.map((m) => Date.parse(m.record.lineage.fitted_before)));
  const times = table.numbers("sent_at");
  const side = table.texts("split");
  return Array.from({ length: table.rows }, (_, i) => i).filter(
    (i) => side[i] === "validate" && 1000 * times[i]! >= after,
  );
}

const isOwnSnapshot = ({ lineage }: Model["record"], { lock }: Snapshot): boolean =>
  lineage.snapshot.content.value === lock.lock.content.value ||
  (lock.erased ?? []).some(({ parent }) => parent.content.value === lineage.snapshot.content.value);

/** Models that may have learned from earlier mail to the people they are judged on: no split held those out. */
export function acquaintedModels(models: readonly Model[], snapshot: Snapshot): readonly string[] {
  const { spec } = splitOf(snapshot.lock, snapshot.path);
  return models
    .filter(({ record: { lineage } }) => {
      const own = lineage.split;
      return own === undefined || own.rule !== spec.rule || own.people_share < spec.people_share;
    })
    .map(({ name }) => name);
}
