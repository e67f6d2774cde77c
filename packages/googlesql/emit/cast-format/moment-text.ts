import { type CivilMoment, dayNames, monthNames } from "../../functions/civil-format.ts";
import { type CivilKind, type Element, elementsOf, lowerOf, upperOf } from "./elements.ts";

const formattable: Readonly<Record<CivilKind, ReadonlySet<string> | undefined>> = {
  DATE: new Set(["LITERAL", "YEAR", "MONTH", "DAY"]),
  TIME: new Set(["LITERAL", "HOUR", "MINUTE", "SECOND", "MERIDIAN_INDICATOR"]),
  DATETIME: new Set(["LITERAL", "YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "MERIDIAN_INDICATOR"]),
  TIMESTAMP: undefined,
};

function checkForText(elements: readonly Element[], kind: CivilKind): void {
  const odd = elements.find((one) => formattable[kind]?.has(one.category) === false);
  if (odd) throw new Error(`${kind} does not support '${odd.type}'`);
}

const pad = (value: number, width: number): string => String(value).padStart(width, "0");

function elementText(element: Element, m: CivilMoment): string {
  const width = element.text.length;
  const offset = Math.abs(m.offset) / 60;
  switch (element.type) {
    case "LITERAL":
    case "QUOTED":
    case "SPACE":
      return element.literal;
    case "YYYY":
    case "RRRR":
      return pad(m.year, 4);
    case "YYY":
    case "YY":
    case "Y":
    case "RR":
      return pad(m.year % 10 ** width, width);
    case "MM":
      return pad(m.month, 2);
    case "MON":
      return monthNames[m.month - 1]!.slice(0, 3);
    case "MONTH":
      return monthNames[m.month - 1]!;
    case "D":
      return String(m.weekday + 1);
    case "DD":
      return pad(m.day, 2);
    case "DDD":
      return pad(m.dayOfYear, 3);
    case "DAY":
      return dayNames[m.weekday]!;
    case "DY":
      return dayNames[m.weekday]!.slice(0, 3);
    case "HH":
    case "HH12":
      return pad(m.hour % 12 === 0 ? 12 : m.hour % 12, 2);
    case "HH24":
      return pad(m.hour, 2);
    case "MI":
      return pad(m.minute, 2);
    case "SS":
      return pad(m.second, 2);
    case "SSSSS":
      return pad(m.hour * 3600 + m.minute * 60 + m.second, 5);
    case "AM":
    case "PM":
      return m.hour >= 12 ? "PM" : "AM";
    case "A.M.":
    case "P.M.":
      return m.hour >= 12 ? "P.M." : "A.M.";
    case "TZH":
      return `${m.offset < 0 ? "-" : "+"}${pad(Math.floor(offset / 60), 2)}`;
    case "TZM":
      return pad(Math.floor(offset % 60), 2);
    default: {
      const digits = /^FF([1-9])$/.exec(element.type)?.[1];
      if (digits === undefined) throw new Error(`Unsupported format element '${element.type}'`);
      return pad(m.micros, 6).padEnd(9, "0").slice(0, Number(digits));
    }
  }
}

/** A moment by a format: CAST(date, time or timestamp AS STRING FORMAT ...). */
export function formatMoment(format: string, moment: CivilMoment, kind: CivilKind): string {
  return elementsOf(format, "text", kind, checkForText)
    .map((element) => {
      const text = elementText(element, moment);
      return element.category === "LITERAL" || element.casing === "keep"
        ? text
        : element.casing === "upper"
          ? upperOf(text)
          : lowerOf(text);
    })
    .join("");
}
