import { createHash } from "node:crypto";
import { decoderFor } from "../decoders.ts";
import { createIdHasher } from "../door/id-hasher.ts";
import { type IngestContext, openIngest } from "../ingest-files.ts";
import { runIngest, type Source } from "../pipeline.ts";
import { addTotals, type IngestTotals, noTotals } from "../totals.ts";
import { type PostmasterEnv, queryDomainStats } from "./postmaster-client.ts";
import type { PostmasterDay } from "./postmaster-stats.ts";

export interface PostmasterOptions {
  readonly domains: readonly string[];
  /** YYYY-MM-DD, inclusive. */
  readonly from: string;
  readonly to: string;
  readonly dryRun: boolean;
}

export interface PostmasterOutcome extends IngestTotals {
  readonly domains: readonly {
    readonly domain: string;
    /** Days of the range that an earlier run had landed; they are not asked for. */
    readonly days_before: number;
    readonly days_asked: number;
    readonly days_landed: number;
  }[];
  readonly dry_run: boolean;
  readonly state: "ingested" | "already-ingested" | "interrupted";
}

/** A day that Google has spoken about is a source of its own: the ledger knows which days have landed. */
const sourceId = (domain: string, date: string): string =>
  `postmaster-${createHash("sha256").update(domain).digest("hex").slice(0, 16)}-${date}`;

/**
 * Lands the statistics of the days that no earlier run has landed, domain by domain. A day without statistics is asked for again by
 * the next run: Google publishes them days later. With `dryRun` nothing is asked and nothing is written.
 */
export async function ingestPostmaster(
  options: PostmasterOptions,
  env: PostmasterEnv,
  context: IngestContext,
  signal: AbortSignal,
  progress?: (days: number) => void,
): Promise<PostmasterOutcome> {
  const { sink, envFor } = await openIngest(context);
  const totals = noTotals();
  const domains: { domain: string; days_before: number; days_asked: number; days_landed: number }[] = [];
  let landed = 0;
  try {
    const decode = decoderFor("postmaster", { hashId: createIdHasher(context.keys.ids.active), fileId: "" });
    for (const domain of options.domains) {
      const days = daysBetween(options.from, options.to);
      const asked = days.filter((date) => !sink.progressOf(sourceId(domain, date))?.isEnd);
      const sums = { domain, days_before: days.length - asked.length, days_asked: asked.length, days_landed: 0 };
      domains.push(sums);
      if (options.dryRun || asked.length === 0 || signal.aborted) continue;
      for (const range of ranges(asked)) {
        for (const day of await queryDomainStats(env, domain, range, signal)) {
          if (signal.aborted) break;
          if (!asked.includes(day.date)) continue;
          addTotals(totals, await runIngest(envFor({ source: daySource(day), decode }), signal));
          sums.days_landed += 1;
          progress?.(++landed);
        }
      }
    }
    const state = signal.aborted ? "interrupted" : landed === 0 ? "already-ingested" : "ingested";
    return { ...totals, domains, dry_run: options.dryRun, state };
  } finally {
    await sink.close();
  }
}

function daySource(day: PostmasterDay): Source {
  const data = Buffer.from(JSON.stringify(day));
  return {
    name: `postmaster:${day.domain}/${day.date}`,
    id: sourceId(day.domain, day.date),
    from: 0,
    async *pull() {
      yield [{ data, position: 1 }];
    },
    async ack() {},
  };
}

/** `2026-01-30`, `2026-02-01` => the three days. */
export function daysBetween(from: string, to: string): readonly string[] {
  const days: string[] = [];
  for (let at = Date.parse(`${from}T00:00:00Z`); at <= Date.parse(`${to}T00:00:00Z`); at += 86_400_000)
    days.push(new Date(at).toISOString().slice(0, 10));
  return days;
}

/** Days in order as runs without a gap. */
function ranges(days: readonly string[]): readonly { readonly from: string; readonly to: string }[] {
  const runs: { from: string; to: string }[] = [];
  for (const day of days) {
    const last = runs.at(-1);
    if (last && Date.parse(day) - Date.parse(last.to) === 86_400_000) last.to = day;
    else runs.push({ from: day, to: day });
  }
  return runs;
}
