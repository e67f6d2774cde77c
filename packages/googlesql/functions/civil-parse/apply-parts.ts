import { firstOfYear } from "../civil-format.ts";
import type { Fields } from "./fields.ts";

const isLeap = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;

/** Replaces year, month and day by what week and day-of-year elements say, where these came last. */
export function applyParts(f: Fields): void {
  const { parts } = f;
  const set = (days: number, place: number): void => {
    const date = new Date(days * 86_400_000);
    if (f.last.year < place) f.year = date.getUTCFullYear();
    if (f.last.month < place) f.month = date.getUTCMonth() + 1;
    if (f.last.day < place) f.day = date.getUTCDate();
  };
  const weekday = parts.get("weekday");
  const isoYear = parts.get("G");
  if (isoYear && !f.nonIso) {
    const fourth = firstOfYear(isoYear.value) + 3;
    const start = (year: number): number => {
      const day = firstOfYear(year) + 3;
      return day - ((((day + 3) % 7) + 7) % 7);
    };
    const first = fourth - ((((fourth + 3) % 7) + 7) % 7);
    const length = start(isoYear.value + 1) - first;
    const week = parts.get("V");
    const day = parts.get("J");
    if (day && (day.place > (week?.place ?? -1) || !weekday)) {
      if (day.value > length) throw new Error(`ISO Year ${isoYear.value} has ${length} days`);
      set(first + day.value - 1, Number.POSITIVE_INFINITY);
      return;
    }
    if (week) {
      if (week.value * 7 > length)
        throw new Error(`Invalid ISO week ${week.value} specified for ISO year ${isoYear.value}`);
      set(first + (week.value - 1) * 7 + (weekday ? (weekday.value + 6) % 7 : 0), Number.POSITIVE_INFINITY);
      return;
    }
    set(first, Number.POSITIVE_INFINITY);
    return;
  }
  const week = parts.get("U") ?? parts.get("W");
  const day = parts.get("j");
  if (day && (day.place > (week?.place ?? -1) || !weekday)) {
    if (day.value === 366 && !isLeap(f.year))
      throw new Error(`Year ${f.year} has 365 days, but the specified day of year was 366`);
    set(firstOfYear(f.year) + day.value - 1, day.place);
    return;
  }
  if (week) {
    const sunday = parts.has("U");
    const first = firstOfYear(f.year);
    const firstWeekday = (((first + 4) % 7) + 7) % 7;
    const offset = sunday ? firstWeekday : (firstWeekday + 6) % 7;
    // The day on which week 1 starts; week 0 is what comes before it.
    const start = first + (offset === 0 ? 0 : 7 - offset);
    const lowest = offset === 0 ? 1 : 0;
    const yearLength = isLeap(f.year) ? 366 : 365;
    const zeroDays = offset === 0 ? 0 : 7 - offset;
    const highest = yearLength - zeroDays > 364 ? 53 : 52;
    if (week.value < lowest || week.value > highest)
      throw new Error(`Week number ${week.value} is invalid for year ${f.year}`);
    const shift = weekday ? (sunday ? weekday.value : (weekday.value + 6) % 7) : 0;
    // Week 0 may begin in the year before.
    set(start + (week.value - 1) * 7 + shift, week.place);
    return;
  }
}
