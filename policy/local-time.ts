const hourMs = 3_600_000;
const quarterMs = hourMs / 4;

const formats = new Map<string, Intl.DateTimeFormat>();
/** By zone, offsets of quarters of an hour. */
const offsets = new Map<string, Map<number, number>>();

/** Milliseconds that a zone is ahead of UTC at an instant. Zones change their offset on quarters of an hour, if at all. */
export function zoneOffset(timeZone: string, at: number): number {
  if (timeZone === "UTC") return 0;
  const quarter = Math.floor(at / quarterMs) * quarterMs;
  let ofZone = offsets.get(timeZone);
  if (!ofZone) {
    ofZone = new Map();
    offsets.set(timeZone, ofZone);
  }
  const known = ofZone.get(quarter);
  if (known !== undefined) return known;
  let format = formats.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    formats.set(timeZone, format);
  }
  const parts = Object.fromEntries(format.formatToParts(quarter).map(({ type, value }) => [type, Number(value)]));
  const local = Date.UTC(
    parts["year"]!,
    parts["month"]! - 1,
    parts["day"]!,
    parts["hour"]!,
    parts["minute"]!,
    parts["second"]!,
  );
  const offset = local - quarter;
  if (ofZone.size > 1000) ofZone.clear();
  ofZone.set(quarter, offset);
  return offset;
}

/** Minutes since midnight on the person's own clock. */
export const minuteOfDay = (timeZone: string, at: number): number =>
  Math.floor(((((at + zoneOffset(timeZone, at)) % (24 * hourMs)) + 24 * hourMs) % (24 * hourMs)) / 60_000);

const minutesOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5));

export interface QuietHours {
  readonly from: string;
  readonly to: string;
}

/** Whether an instant lies in the quiet hours, which may run over midnight. */
export function isQuiet(quiet: QuietHours, timeZone: string, at: number): boolean {
  const minute = minuteOfDay(timeZone, at);
  const from = minutesOf(quiet.from);
  const to = minutesOf(quiet.to);
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}

/** The first instant from `at` on that is not quiet. Goes in quarters of an hour, so that changes of the clock are met as they come. */
export function endOfQuiet(quiet: QuietHours, timeZone: string, at: number): number {
  if (!isQuiet(quiet, timeZone, at)) return at;
  let next = Math.floor(at / 60_000) * 60_000;
  // A day and an hour: on the day on which clocks are put back, quiet hours are longer.
  for (let minute = 0; minute <= 25 * 60 && isQuiet(quiet, timeZone, next); minute++) next += 60_000;
  return next;
}

/** The first instant from `at` on in that hour of a zone's day, and not quiet where the person is; undefined when there is none before `until`. */
export function nextAtHour(
  { hour, of }: { readonly hour: number; readonly of: string },
  timeZone: string,
  at: number,
  until: number,
  quiet: QuietHours | null,
): number | undefined {
  const suits = (time: number): boolean =>
    Math.floor(minuteOfDay(of, time) / 60) === hour && !(quiet && isQuiet(quiet, timeZone, time));
  if (suits(at)) return at;
  for (let time = (Math.floor(at / quarterMs) + 1) * quarterMs; time <= until; time += quarterMs)
    if (suits(time)) return time;
  return undefined;
}
