import { z } from "zod";
import { UserError } from "../../errors/user-error.ts";
import type { Warehouse } from "../../warehouse/warehouse.ts";
import { type ArmCounts, armCounts } from "../events.ts";
import type { CanaryCounts } from "./check-canary.ts";

const number = z.union([z.number(), z.bigint()]).transform(Number);
const row = z.object({
  model_version: z.string(),
  sends: number,
  complaints: number,
  unsubscribes: number,
  clicks: number,
  conversions: number,
  revenue: number,
  revenue_squared: number,
});

const none: ArmCounts = {
  sends: 0,
  complaints: 0,
  unsubscribes: 0,
  clicks: 0,
  conversions: 0,
  revenue: 0,
  revenue_squared: 0,
};

export interface CanaryQuestion {
  /** Name under which the canary's decisions were logged; the candidate's version unless stated. */
  readonly release: string;
  readonly candidate: string;
  readonly champion: string;
}

/** What both arms of a canary have seen so far, from monitoring.canary. An arm without sends counts zero. */
export async function readCanaryCounts(
  warehouse: Pick<Warehouse, "query">,
  question: CanaryQuestion,
  signal?: AbortSignal,
): Promise<CanaryCounts> {
  const { rows } = await warehouse.query(
    `select
  model_version,
  sum(sends) as sends,
  sum(complaints) as complaints,
  sum(unsubscribes) as unsubscribes,
  sum(clicks) as clicks,
  sum(conversions) as conversions,
  sum(revenue_winsorised) as revenue,
  sum(revenue_winsorised_squared) as revenue_squared
from monitoring.canary
where release_id = @release and model_version in (@candidate, @champion)
group by model_version`,
    { params: { ...question }, file: "canary counts", signal },
  );
  const byVersion = new Map<string, ArmCounts>();
  for (const found of rows) {
    const { model_version, ...counts } = row.parse(found);
    byVersion.set(model_version, armCounts.parse(counts));
  }
  if (byVersion.size === 0) {
    throw new UserError(`monitoring.canary has no decision of release ${question.release}`, {
      code: "canary.no-evidence",
      exit: "check",
      where: "monitoring.canary",
      next: "inboxloop build",
    });
  }
  return {
    candidate: byVersion.get(question.candidate) ?? none,
    champion: byVersion.get(question.champion) ?? none,
  };
}

/** Counts of both arms from JSON: {"candidate": {...}, "champion": {...}}. */
export function parseCanaryCounts(text: string, file: string): CanaryCounts {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    data = undefined;
  }
  const parsed = z.strictObject({ candidate: armCounts, champion: armCounts }).safeParse(data);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new UserError(`not the counts of a canary: ${issue?.message}`, {
    code: "canary.counts",
    exit: "usage",
    where: `${file} ${issue?.path.join(".")}`,
  });
}
