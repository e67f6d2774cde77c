import { type IntervalParts, intervalInRange } from "./intervals.ts";

/**
 * An INTERVAL times a FLOAT64: what a part has behind the point goes down to the next one, a month has 30 days. A result finer
 * than a microsecond is cut off, or is not, by GoogleSQL's language options: refused.
 */
export function scaledInterval({ months, days, micros }: IntervalParts, factor: number): IntervalParts {
  if (!Number.isFinite(factor)) throw new Error("Interval overflow during multiplication");
  const allMonths = months * factor;
  const allDays = days * factor + (allMonths % 1) * 30;
  const nanos = Math.trunc(Number(micros * 1000n) * factor + (allDays % 1) * 86_400e9);
  if (!Number.isFinite(nanos)) throw new Error("Interval overflow during multiplication");
  const parts = { months: Math.trunc(allMonths), days: Math.trunc(allDays), micros: BigInt(nanos) / 1000n };
  if (!intervalInRange(parts)) throw new Error("Interval field is out of range");
  if (BigInt(nanos) % 1000n !== 0n) throw new Error("refused.INTERVAL: an INTERVAL finer than a microsecond");
  return parts;
}
