import { InvalidArgumentError } from "commander";

/** The value of an option that is a whole number; anything else is a usage error. */
export const wholeNumber = (text: string): number => numberLike(text, /^\d+$/);

/** The same of at most twelve digits, for what is counted in bytes, seconds, days or calls. */
export const countedNumber = (text: string): number => numberLike(text, /^\d{1,12}$/);

function numberLike(text: string, form: RegExp): number {
  if (!form.test(text)) throw new InvalidArgumentError("it must be a whole number");
  return Number(text);
}
