import { UserError } from "../../errors/user-error.ts";
import training from "../../includes/training.js";
import type { Column, Row } from "../../warehouse/warehouse.ts";
import { type SnapshotLock, type SplitLock, type SplitSpec, splitRule } from "./snapshot-lock.ts";

/** The columns that a snapshot has beside those of its table. */
export const splitColumn: Column = { name: "split", type: "STRING" };
export const postAiColumn: Column = { name: "is_post_ai", type: "BOOL" };
export const sides = ["learn", "validate"] as const;

const hourMicros = 3_600_000_000;

export const defaultSplit: SplitSpec = {
  rule: splitRule,
  people_share: 0.3,
  validate: { share: 0.25 },
  learn_days: null,
};

/**
 * Whether nothing is ever learned of the person of a row: the first 32 bits of a SHA-256 of who it is lie below the share. Hexadecimal digits sort as
 * their numbers do, so that every engine compares texts. A person stays on one side in every snapshot of the same share, and whoever is held
 * out at a share is held out at every greater one.
 */
export function heldOutSql(columns: readonly Column[], share: number): string {
  const keys = ["person_id", "user_id_hash", "message_id"].filter((key) => columns.some(({ name }) => name === key));
  const bound = Math.round(share * 2 ** 32)
    .toString(16)
    .padStart(8, "0");
  return `substr(to_hex(sha256(concat('${splitRule}:', coalesce(${keys.join(", ")})))), 1, 8) < '${bound}'`;
}

/** Whether a reader's inbox is one in which machines read, and the outcome is as good as known; undefined where a table cannot tell. */
export function postAiSql(columns: readonly Column[]): string | undefined {
  const sql = `is_trusted and ${training.machineHeavySql() as string}`;
  const needed = sql.match(/\b(?:is_trusted|\w+_90d)\b/g) ?? [];
  return needed.every((wanted) => columns.some(({ name }) => name === wanted)) ? sql : undefined;
}

/** Rows by the hour in which they were sent, hours since 1970, and by whether their people are held out: all that is needed to cut. */
export const hoursSql = (rows: string, columns: readonly Column[], share: number): string => `with
_eligible as (
  ${rows.replaceAll("\n", "\n  ")}
),
_hours as (
  select div(unix_micros(sent_at), ${hourMicros}) as sent_hour, ${heldOutSql(columns, share)} as is_held_out
  from _eligible
)
select sent_hour, is_held_out, count(*) as n_rows
from _hours
group by sent_hour, is_held_out
order by sent_hour, is_held_out`;

/** Where the time is cut, by what the query of `hoursSql` found. Nothing else of the rows is looked at. */
export interface Cut {
  readonly cut: string | null;
  readonly learnFrom: string | null;
  readonly learn: number;
  readonly validate: number;
  readonly leftOut: number;
}

/**
 * Cuts on a full hour: the earliest at or after which at most the share of the rows was sent, or the one that begins the latest days, with at least an hour
 * of rows before it. Sends of one hour are not cut; there the sides differ in people alone.
 */
export function cutOf(spec: SplitSpec, found: readonly Row[]): Cut {
  const hours = found.map((row) => ({
    hour: Number(row["sent_hour"]),
    heldOut: row["is_held_out"] === true,
    rows: Number(row["n_rows"]),
  }));
  const [first, last] = [hours[0]!.hour, hours.at(-1)!.hour];
  const all = hours.reduce((sum, { rows }) => sum + rows, 0);
  const instant = (hour: number): string => new Date(hour * 3_600_000).toISOString();
  let cut: number | null = null;
  if (first !== last) {
    if ("days" in spec.validate) cut = last + 1 - 24 * spec.validate.days;
    else {
      const most = spec.validate.share * all;
      const distinct = [...new Set(hours.map(({ hour }) => hour))];
      const from = (at: number): number => hours.reduce((sum, { hour, rows }) => sum + (hour >= at ? rows : 0), 0);
      // At least the last hour validates, however many rows it has.
      cut = distinct.find((hour) => hour > first && from(hour) <= most) ?? last;
    }
    cut = Math.max(cut, first + 1);
  }
  const learnFrom = cut === null || spec.learn_days === null ? null : cut - 24 * spec.learn_days;
  let [learn, validate] = [0, 0];
  for (const { hour, heldOut, rows } of hours) {
    const isEarly = cut === null || hour < cut;
    const isLate = cut === null || hour >= cut;
    if (!heldOut && isEarly && (learnFrom === null || hour >= learnFrom)) learn += rows;
    if (heldOut && isLate) validate += rows;
  }
  return {
    cut: cut === null ? null : instant(cut),
    learnFrom: learnFrom === null ? null : instant(learnFrom),
    learn,
    validate,
    leftOut: all - learn - validate,
  };
}

/** Refuses a split of which one side has nobody. */
export function refuseOneSided({ learn, validate, cut }: Cut, spec: SplitSpec): void {
  if (learn > 0 && validate > 0) return;
  throw new UserError(
    `${learn} rows to learn from and ${validate} to judge on: ${cut === null ? "no hour is cut" : `cut at ${cut}`}, ${100 * spec.people_share} % of the people judge`,
    {
      code: "snapshot.one-sided",
      exit: "check",
      where: "the split",
      next: "inboxloop snapshot create on a longer range, or with another --validate-share or --people-share",
    },
  );
}

/**
 * The side of a row; NULL on neither. Nobody is on both sides, and nothing that judges was sent before something that is learned from.
 */
export function sideSql(columns: readonly Column[], spec: SplitSpec, { cut, learnFrom }: Cut): string {
  const held = heldOutSql(columns, spec.people_share);
  const early = [
    `not (${held})`,
    ...(cut === null ? [] : [`sent_at < timestamp '${cut}'`]),
    ...(learnFrom === null ? [] : [`sent_at >= timestamp '${learnFrom}'`]),
  ];
  const late = [held, ...(cut === null ? [] : [`sent_at >= timestamp '${cut}'`])];
  return `case when ${early.join(" and ")} then 'learn' when ${late.join(" and ")} then 'validate' end`;
}

/** Counts rows by side while they are read. */
export class SideCounter {
  readonly #hasSides: boolean;
  readonly #hasPostAi: boolean;
  #learn = 0;
  #validate = 0;
  #postAi = 0;

  constructor(columns: readonly Column[]) {
    this.#hasSides = columns.some(({ name }) => name === splitColumn.name);
    this.#hasPostAi = columns.some(({ name }) => name === postAiColumn.name);
  }

  add(valuesOf: (column: string) => readonly unknown[], rows: number): void {
    if (!this.#hasSides) return;
    const side = valuesOf(splitColumn.name);
    const postAi = this.#hasPostAi ? valuesOf(postAiColumn.name) : [];
    for (let i = 0; i < rows; i++) {
      if (side[i] === "learn") this.#learn += 1;
      else this.#validate += 1;
      if (postAi[i] === true) this.#postAi += 1;
    }
  }

  counts(): Pick<SplitLock, "learn" | "validate" | "post_ai"> {
    return { learn: this.#learn, validate: this.#validate, ...(this.#hasPostAi && { post_ai: this.#postAi }) };
  }
}

/** The split of a lock; a snapshot that was made before there were any has none, and nothing learns from it or is judged on it. */
export function splitOf(lock: SnapshotLock, where: string): { readonly spec: SplitSpec; readonly lock: SplitLock } {
  const { spec, lock: found } = lock;
  if (spec.split !== undefined && found.split !== undefined) return { spec: spec.split, lock: found.split };
  throw new UserError("the snapshot does not say who learns and who judges: it was made before snapshots did", {
    code: "snapshot.no-split",
    exit: "config",
    where,
    next: "inboxloop snapshot create",
  });
}
