import { readTime } from "./times.ts";

/** How a column seems to write its times. */
export interface DraftedTime {
  /** As a mapping says it; none where the values say it by themselves. */
  readonly format?: string | undefined;
  /** They name no zone. */
  readonly needsZone: boolean;
  /** The formats that all values fit, where day and month may stand either way. */
  readonly isOpen?: readonly string[] | undefined;
  /** No value of it was seen. */
  readonly isUnseen?: boolean | undefined;
}

const clocks = ["", " HH:mm", " HH:mm:ss", " h:mm a", " h:mm:ss a", ", HH:mm", ", HH:mm:ss", ", h:mm a", ", h:mm:ss a"];
const days = (mark: string) => ({
  dayFirst: [`d${mark}M${mark}yyyy`, `d${mark}M${mark}yy`],
  monthFirst: [`M${mark}d${mark}yyyy`, `M${mark}d${mark}yy`],
  yearFirst: [`yyyy${mark}M${mark}d`],
});

/**
 * Finds out how a column writes its times: by itself, with a zone missing, or in digits whose order the values give away. Undefined for a column that
 * holds none. Plain numbers are times only in a column whose name says so.
 */
export function draftTime(values: readonly string[], isNamedSo: boolean): DraftedTime | undefined {
  if (values.length === 0 || (!isNamedSo && values.every((value) => /^\d+(\.\d+)?$/.test(value)))) return undefined;
  const reads = (formats: readonly string[], zone: string | undefined): boolean =>
    values.every((value) => readTime(value, { formats, zone, mayAssumeUtc: false }).kind === "instant");
  if (reads([], undefined)) return { needsZone: false };
  if (reads([], "UTC")) return { needsZone: true };
  for (const mark of ["/", ".", "-"]) {
    const { dayFirst, monthFirst, yearFirst } = days(mark);
    const fitting = (orders: readonly string[]): string | undefined =>
      orders.flatMap((order) => clocks.map((clock) => `${order}${clock}`)).find((format) => reads([format], "UTC"));
    const [day, month, year] = [fitting(dayFirst), fitting(monthFirst), fitting(yearFirst)];
    if (day !== undefined && month !== undefined) return { needsZone: true, isOpen: [day, month] };
    const one = day ?? month ?? year;
    if (one !== undefined) return { format: one, needsZone: true };
  }
  return undefined;
}
