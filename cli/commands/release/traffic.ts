import { type CanaryPolicy, canaryPolicy, defaultCanaryPolicy } from "../../../release/canary/canary-policy.ts";
import type { CanaryPlan, PlannedTraffic } from "../../../release/canary/plan-canary.ts";
import type { Environment } from "../../environment.ts";

/** What a canary is planned with. */
export interface PlanCommandOptions {
  readonly sendsPerDay?: number;
  readonly complaintRate?: number;
  readonly share?: number;
  readonly days?: number;
  readonly policy?: string;
  readonly canaries: number;
}

/** The canary policy: a file's or the default, ramped up to `--share`, for `--days`. */
export async function policyOf(options: PlanCommandOptions): Promise<CanaryPolicy> {
  const { UserError } = await import("../../../errors/user-error.ts");
  const { rampTo } = await import("../../../release/canary/plan-canary.ts");
  let policy = defaultCanaryPolicy;
  if (options.policy !== undefined) {
    const { readFile } = await import("node:fs/promises");
    const { parse } = await import("yaml");
    const parsed = canaryPolicy.safeParse(parse(await readFile(options.policy, "utf8")));
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      throw new UserError(`not a canary policy: ${issue?.message}`, {
        code: "canary.policy",
        exit: "config",
        where: `${options.policy} ${issue?.path.join(".")}`,
      });
    }
    policy = parsed.data;
  }
  return {
    ...policy,
    ramp: options.share === undefined ? policy.ramp : rampTo(policy.ramp, options.share),
    days: options.days ?? policy.days,
  };
}

/** Plans a canary for the traffic that options and the warehouse tell of; a UserError when neither does. */
export async function planOf(
  world: Environment,
  policy: CanaryPolicy,
  options: PlanCommandOptions,
): Promise<CanaryPlan> {
  const { planCanary } = await import("../../../release/canary/plan-canary.ts");
  const { seededRandom } = await import("../../../platform/seeded-random.ts");
  return planCanary(policy, await trafficOf(world, options), { canaries: options.canaries, random: seededRandom });
}

async function trafficOf(world: Environment, options: PlanCommandOptions): Promise<PlannedTraffic> {
  const { sendsPerDay, complaintRate } = options;
  if (sendsPerDay !== undefined && complaintRate !== undefined) {
    return { sendsPerDay, rates: { complaints: complaintRate }, delayHours: 12 };
  }
  const { readTraffic } = await import("../../../release/canary/read-traffic.ts");
  const warehouse = await world.target.openWarehouse();
  try {
    const found = await readTraffic(warehouse, world.signal);
    if (!found) {
      const { UserError } = await import("../../../errors/user-error.ts");
      throw new UserError("events.messages has no mail to learn the traffic from", {
        code: "canary.no-traffic",
        exit: "usage",
        next: "inboxloop release plan --sends-per-day 100000 --complaint-rate 0.001",
      });
    }
    return {
      ...found,
      sendsPerDay: sendsPerDay ?? found.sendsPerDay,
      rates: complaintRate === undefined ? found.rates : { ...found.rates, complaints: complaintRate },
    };
  } finally {
    await warehouse.close();
  }
}
