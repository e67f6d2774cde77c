import type { CivilFields } from "../civil-format.ts";

/** What a text has said so far, while it is read by a format. */
export interface Fields extends CivilFields {
  century: number | undefined;
  explicitCentury: boolean;
  twelveHour: boolean;
  afternoon: boolean;
  epoch: number | undefined;
  offset: number | undefined;
  zone: string | undefined;
  /** Parts of a date that are not year, month and day, each with its place in the format. */
  readonly parts: Map<string, { value: number; place: number }>;
  nonIso: boolean;
  readonly last: { year: number; month: number; day: number };
}
