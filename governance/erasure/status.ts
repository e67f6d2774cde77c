import type { ErasureDone, ErasureEntry } from "../../platform/tombstones.ts";

export interface PrivacyStatus {
  /** Requests that came in and wait. */
  readonly pending: number;
  readonly oldest_requested_at: string | null;
  /** When the oldest of them must be carried out. */
  readonly due_at: string | null;
  readonly overdue: number;
  /** An erasure was begun and is not finished: the next `privacy erase` goes on with it. */
  readonly is_under_way: boolean;
  readonly erasures: readonly {
    readonly erasure_id: string;
    readonly begun_at: string;
    readonly done_at: string | null;
    readonly requests: number;
    readonly people: number;
    readonly ids: number;
    readonly rows: number;
    /** Requests of it that were carried out after their deadline. */
    readonly late: number;
  }[];
  /** Models that learned from somebody who was erased and are still there. */
  readonly models: readonly {
    readonly name: string;
    readonly erasure_id: string;
    readonly retrain_by: string;
    readonly is_overdue: boolean;
  }[];
}

export interface StatusInput {
  readonly entries: readonly ErasureEntry[];
  readonly pending: readonly { readonly requested_at: string }[];
  /** Names of the models that are there. */
  readonly models: ReadonlySet<string>;
  readonly isUnderWay: boolean;
  readonly dueDays: number;
  readonly now: Date;
}

/** Folds the journal of erasures and the requests that wait. */
export function privacyStatus({ entries, pending, models, isUnderWay, dueDays, now }: StatusInput): PrivacyStatus {
  const at = now.toISOString();
  const dueOf = (requested: string) => new Date(Date.parse(requested) + dueDays * 86_400_000).toISOString();
  const requested = pending.map(({ requested_at }) => requested_at).sort();
  const receipts = new Map<string, ErasureDone>();
  for (const entry of entries) if (entry.kind === "done") receipts.set(entry.erasure_id, entry);
  /** The earliest date of each model. */
  const learned = new Map<string, PrivacyStatus["models"][number]>();
  for (const { erasure_id, models: listed } of receipts.values())
    for (const { name, retrain_by } of listed) {
      if (!models.has(name)) continue;
      const known = learned.get(name);
      if (known && known.retrain_by <= retrain_by) continue;
      learned.set(name, { name, erasure_id, retrain_by, is_overdue: retrain_by < at });
    }
  return {
    pending: pending.length,
    oldest_requested_at: requested[0] ?? null,
    due_at: requested[0] === undefined ? null : dueOf(requested[0]),
    overdue: requested.filter((one) => dueOf(one) < at).length,
    is_under_way: isUnderWay,
    erasures: entries.flatMap((entry) => {
      if (entry.kind !== "begun") return [];
      const receipt = receipts.get(entry.erasure_id);
      return {
        erasure_id: entry.erasure_id,
        begun_at: entry.at,
        done_at: receipt?.at ?? null,
        requests: entry.requests.length,
        people: entry.people,
        ids: entry.ids,
        rows: receipt?.rows ?? 0,
        late: entry.requests.filter(({ due_at }) => due_at < (receipt?.at ?? at)).length,
      };
    }),
    models: [...learned.values()].sort((a, b) => (a.retrain_by < b.retrain_by ? -1 : 1)),
  };
}
