/** The texts and the parts of ranges, by public/functions/range.cc. */

import { daysFromCivil } from "../emit/civil.ts";
import type { IntervalParts } from "../emit/intervals.ts";
import { momentOf } from "./civil-format.ts";

/** The bounds in `[start, end)`, null for UNBOUNDED; throws when the text is not exactly of that form. */
export function rangeParts(text: string): (string | null)[] {
  const parts = /^\[([\s\S]*)\)$/.exec(text)?.[1]?.split(",");
  if (parts?.length !== 2 || !parts[1]!.startsWith(" "))
    throw new Error(`Failed to parse range: range must be formatted exactly as [START, END) (found ${text})`);
  const bounds = [parts[0]!, parts[1]!.slice(1)];
  if (bounds.some((bound) => bound.trim() !== bound))
    throw new Error("Failed to parse range: START and END must have no leading or trailing spaces");
  return bounds.map((bound) => (/^(?:unbounded|null)$/i.test(bound) ? null : bound));
}

const day = 86_400_000_000n;
const maxElements = 16_000_000;
const tooMany = `Cannot generate arrays with more than ${maxElements} elements`;

/** What is wrong with a step for ranges of that type; undefined when nothing is. */
function problemOf({ months, days, micros }: IntervalParts, kind: string): string | undefined {
  if (kind === "TIMESTAMP" && months !== 0) return "step with non-zero MONTH or YEAR part is not supported";
  if (kind === "DATE" && micros !== 0n) return "step with non-zero (H:M:S[.F]) part is not supported";
  if (months !== 0 && (days !== 0 || micros !== 0n)) return "step should either have the Y-M part or the rest";
  if (months < 0 || days < 0 || micros < 0n) return "step cannot be negative";
  if (months === 0 && days === 0 && micros === 0n) return "step cannot be 0";
  return undefined;
}

/** The moment some months later, on the last day of the month where it has no such day; undefined behind the year 9999. */
function monthsLater(start: bigint, months: number): bigint | undefined {
  const moment = momentOf(start);
  const all = moment.year * 12 + moment.month - 1 + months;
  const [year, month] = [Math.floor(all / 12), (all % 12) + 1];
  if (year > 9999) return undefined;
  const length = new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();
  const days = daysFromCivil(year, month, Math.min(moment.day, length));
  return days === undefined ? undefined : BigInt(days) * day + (((start % day) + day) % day);
}

/** The bounds between the parts of a range, in microseconds; the last part, when it is short, only if it is asked for. */
export function rangeSteps(
  start: bigint | null,
  end: bigint | null,
  step: IntervalParts,
  withLast: boolean,
  kind: string,
): bigint[] {
  const problem = problemOf(step, kind);
  if (problem !== undefined) throw new Error(problem);
  if (start === null || end === null) throw new Error("input RANGE cannot have UNBOUNDED endpoints");
  const size = BigInt(step.days) * day + step.micros;
  if (step.months === 0 && (end - start) / size > maxElements) throw new Error(tooMany);
  const bounds = [start];
  for (let n = 1; ; n++) {
    const next = step.months > 0 ? monthsLater(start, step.months * n) : start + BigInt(n) * size;
    if (next === undefined || next >= end) {
      if (next === end || withLast) bounds.push(end);
      return bounds;
    }
    if (bounds.length >= maxElements) throw new Error(tooMany);
    bounds.push(next);
  }
}
