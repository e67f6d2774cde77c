import { UserError } from "../../errors/user-error.ts";
import type { Journal } from "../../platform/journal/journal.ts";
import { type Audience, nextPeriod, periodOf } from "./budget.ts";
import type { Spent } from "./budget-journal.ts";

export interface Share {
  readonly epsilon: number;
  readonly delta: number;
}

/** How an audience stands in the period of a moment. */
export interface Standing {
  readonly audience: string;
  readonly period: string;
  readonly allowance: Share;
  readonly spent: Share;
  readonly left: Share;
  readonly queries: number;
  /** The day on which the allowance is there anew. */
  readonly renewed_on: string;
}

/** Decimals as they are written, in units of 10^-340: so that ten times 0.1 is 1. */
const digits = 340;
function scaled(value: number): bigint {
  const [mantissa = "0", exponent = "0"] = value.toExponential().split("e");
  const [whole = "0", fraction = ""] = mantissa.split(".");
  return BigInt(`${whole}${fraction}`) * 10n ** BigInt(digits + Number(exponent) - fraction.length);
}

const unscaled = (value: bigint): number => Number(`${value}e-${digits}`);

const sumOf = (values: readonly number[]): bigint => values.reduce((sum, value) => sum + scaled(value), 0n);

/** What an audience has spent in the period of a moment, and what is left. */
export function standing(name: string, audience: Audience, entries: readonly Spent[], now: Date): Standing {
  const period = periodOf(audience.period, now);
  const own = entries.filter((entry) => entry.audience === name && entry.period === period);
  const spent = (of: keyof Share): bigint => sumOf(own.map((entry) => entry[of]));
  const left = (of: keyof Share): number => {
    const rest = scaled(audience.allowance[of]) - spent(of);
    return rest > 0n ? unscaled(rest) : 0;
  };
  return {
    audience: name,
    period,
    allowance: audience.allowance,
    spent: { epsilon: unscaled(spent("epsilon")), delta: unscaled(spent("delta")) },
    left: { epsilon: left("epsilon"), delta: left("delta") },
    queries: own.length,
    renewed_on: nextPeriod(audience.period, now),
  };
}

export interface Asked extends Share {
  readonly table: string;
  /** SHA-256 of the statement. */
  readonly statement: string;
}

/** Refuses what one query may not ask for, or what is no longer there. */
export function refuseOverspending(
  name: string,
  audience: Audience,
  asked: Share,
  before: Standing,
  file: string,
): void {
  for (const of of ["epsilon", "delta"] as const) {
    if (scaled(asked[of]) <= scaled(audience.per_query[of])) continue;
    throw new UserError(
      `the query asks for ${of} ${asked[of]}, and one of ${name} may have ${audience.per_query[of]}`,
      {
        code: "privacy-budget.per-query",
        exit: "check",
        where: `audiences.${name}.per_query in ${file}`,
        next: `write ${of} = ${audience.per_query[of]} in its OPTIONS`,
      },
    );
  }
  for (const of of ["epsilon", "delta"] as const)
    if (scaled(asked[of]) > scaled(before.left[of])) throw empty(before, of, asked);
}

/**
 * Writes the price of an answer that is ready and not yet shown; refused when less is left, and then it may not be shown. Of two who want
 * the last of it one has it: the journal takes one of two entries on the same head, and the other looks again.
 */
export async function spend(
  journal: Journal<Spent>,
  name: string,
  audience: Audience,
  asked: Asked,
  now: Date,
  file: string,
): Promise<Standing> {
  for (;;) {
    const { entries, head } = await journal.read();
    const before = standing(name, audience, entries, now);
    refuseOverspending(name, audience, asked, before, file);
    const { epsilon, delta, table, statement } = asked;
    const entry: Spent = {
      kind: "spent",
      at: now.toISOString(),
      audience: name,
      period: before.period,
      epsilon,
      delta,
      table,
      statement,
    };
    const outcome = await journal.append([entry], head);
    if (outcome.kind === "appended") return standing(name, audience, [...entries, entry], now);
  }
}

function empty({ audience, period, allowance, left, renewed_on }: Standing, of: keyof Share, asked: Share): UserError {
  return new UserError(
    `the privacy budget of ${audience} for ${period} has ${of} ${left[of]} of ${allowance[of]} left, and the query asks for ${asked[of]}`,
    {
      code: "privacy-budget.empty",
      exit: "check",
      where: `audience ${audience}, period ${period}`,
      next:
        left[of] > 0
          ? `ask for less; all of it is there again on ${renewed_on}: inboxloop privacy budget`
          : `wait until ${renewed_on}: inboxloop privacy budget`,
    },
  );
}
