import type { CountDifference, Difference, SnapshotDiff } from "../../../retrain/snapshot/diff-snapshots.ts";
import { renderTable } from "../../table.ts";

const count = (n: number): string => n.toLocaleString("en-US");
const short = (text: string | null): string =>
  text === null ? "" : /^[0-9a-f]{64}$/.test(text) ? text.slice(0, 16) : text;

/** A difference of snapshots for a person; counts that are the same are left out. */
export function renderDiff({
  a,
  b,
  identical,
  rows,
  schema,
  provenance,
  outcomes,
  segments,
  key,
}: SnapshotDiff): string {
  const changed = Object.entries(rows.changedBy).sort(([, x], [, y]) => y - x);
  const examples = (["gone", "come", "changed"] as const).filter((kind) => rows.examples[kind].length > 0);
  return [
    identical ? `${a} and ${b} hold the same rows` : `${a} against ${b}, by ${key}`,
    `rows  ${count(rows.gone)} gone, ${count(rows.come)} come, ${count(rows.changed)} changed, ${count(rows.same)} the same`,
    ...examples.map((kind) => `  ${kind} ${rows.examples[kind].join(", ")}`),
    ...(changed.length === 0
      ? []
      : [
          "",
          tableOf(
            ["changed column", "rows"],
            changed.map(([name, n]) => [name, count(n)]),
          ),
        ]),
    ...differing("column", schema, a, b),
    ...counted([...segments, ...outcomes], a, b),
    ...differing("provenance", provenance, a, b),
  ].join("\n");
}

const tableOf = (titles: readonly string[], rows: readonly (readonly string[])[]): string =>
  renderTable(
    titles.map((title) => ({ title })),
    rows,
  );

function differing(title: string, found: readonly Difference[], a: string, b: string): readonly string[] {
  if (found.length === 0) return [];
  return [
    "",
    tableOf(
      [title, a, b],
      found.map((one) => [one.what, short(one.a), short(one.b)]),
    ),
  ];
}

function counted(found: readonly CountDifference[], a: string, b: string): readonly string[] {
  const differ = found.filter((one) => one.a !== one.b);
  if (differ.length === 0) return [];
  return [
    "",
    tableOf(
      ["rows by", "", a, b],
      differ.map((one) => [one.column, one.value, count(one.a), count(one.b)]),
    ),
  ];
}
