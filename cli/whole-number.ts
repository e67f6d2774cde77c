import { InvalidArgumentError } from "commander";

/** The value of an option that is a whole number of at most twelve digits; anything else is a usage error. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,12}$/.test(text)) throw new InvalidArgumentError("it must be a whole number");
  return Number(text);
}
