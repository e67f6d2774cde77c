/**
 * A number as exports write it: digits with a sign, an exponent, and thousands grouped in threes. `decimal` is what stands before the
 * fraction: with "." `1,234.50` is read and `1.234,50` is not; with "," the other way round. Without it grouping is not
 * believed: `1,234` is a thousand here and one there. Undefined for what is no such number.
 */
export function readNumber(value: unknown, decimal: "." | "," | undefined): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value === "bigint") return Number(value);
  if (typeof value !== "string") return undefined;
  const text = value.trim();
  const plain = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/;
  if (decimal === undefined) return plain.test(text) ? finite(Number(text)) : undefined;
  const group = decimal === "." ? "[,' \u00a0\u202f]" : "[.' \u00a0\u202f]";
  const point = decimal === "." ? "\\." : ",";
  const grouped = new RegExp(`^[-+]?(?:\\d{1,3}(?:${group}\\d{3})+|\\d+)(?:${point}\\d*)?$|^[-+]?${point}\\d+$`);
  if (!grouped.test(text)) return undefined;
  return finite(Number(text.replace(new RegExp(group, "g"), "").replace(decimal, ".")));
}

/** The same with a currency's sign or code beside it, and the two ways to write less than nothing: `-80` and `(80)`. */
export function readMoney(value: unknown, decimal: "." | "," | undefined): number | undefined {
  if (typeof value !== "string") return readNumber(value, decimal);
  let text = value.trim().replace(/^(?:[A-Z]{3}(?=[\s\d(+-])|\p{Sc})\s?|\s?(?:[A-Z]{3}|\p{Sc})$/gu, "");
  const isBelow = /^\(.*\)$|^-/.test(text);
  text = text.replace(/^[-+]|^\(|\)$/g, "").replace(/^\p{Sc}\s?/u, "");
  const number = /^[-+]/.test(text) ? undefined : readNumber(text, decimal);
  return number === undefined ? undefined : isBelow ? -number : number;
}

const finite = (number: number): number | undefined => (Number.isFinite(number) ? number : undefined);
