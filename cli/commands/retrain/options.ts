import { InvalidArgumentError } from "commander";
import { UserError } from "../../../errors/user-error.ts";
import { aliasPattern } from "../../../retrain/vertex/requests.ts";

const instantPattern = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)?)?$/;

/** Parses an option that is a time: a day, or an ISO time. Without an offset it is UTC. */
export const instantOption =
  (option: string) =>
  (text: string): Date => {
    const hasOffset = /(?:Z|[+-]\d\d:\d\d)$/.test(text.slice(10));
    const date = new Date(text.length > 10 && !hasOffset ? `${text.replace(" ", "T")}Z` : text);
    if (instantPattern.test(text) && !Number.isNaN(date.getTime())) return date;
    throw new UserError(`${option} takes a time like 2026-01-31 or 2026-01-31T09:30:00Z, not "${text}"`, {
      code: "cli.time",
      exit: "usage",
    });
  };

/** Parses an option that is a number within bounds. */
export const numberOption =
  (option: string, bounds: { readonly whole?: boolean; readonly least?: number; readonly most?: number } = {}) =>
  (text: string): number => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    const isFine =
      Number.isFinite(value) &&
      (!bounds.whole || Number.isSafeInteger(value)) &&
      value >= (bounds.least ?? Number.NEGATIVE_INFINITY) &&
      value <= (bounds.most ?? Number.POSITIVE_INFINITY);
    if (isFine) return value;
    const range = [
      bounds.least === undefined ? "" : ` of at least ${bounds.least}`,
      bounds.most === undefined ? "" : ` and at most ${bounds.most}`,
    ].join("");
    throw new UserError(`${option} takes a ${bounds.whole ? "whole " : ""}number${range}, not "${text}"`, {
      code: "cli.number",
      exit: "usage",
    });
  };

/** Another alias of the registered version. */
export function aliasOption(text: string, earlier: readonly string[] = []): readonly string[] {
  if (!aliasPattern.test(text))
    throw new InvalidArgumentError("it is letters, digits and dashes, like candidate or weekly-best");
  return [...earlier, text];
}
