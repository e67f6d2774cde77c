import { dayNames, monthNames } from "../civil-format.ts";
import type { Fields } from "./fields.ts";
import type { Reader } from "./reader.ts";

/** Reads what one element stands for; `place` is its place in the format, of which the last one said counts. */
export function readElement(r: Reader, f: Fields, element: string, beforeElement: boolean, place: number): void {
  const part = (name: string, value: number): void => {
    f.parts.set(name, { value, place });
  };
  const mark = (...which: ("year" | "month" | "day")[]): void => {
    f.nonIso = true;
    for (const one of which) f.last[one] = place;
  };
  /** What is read as one goes through strptime. */
  const loose = (width: number, min: number, max: number): number => r.number(width, min, max);
  const time = (): void => {
    f.hour = loose(2, 0, 23);
    r.literal(":");
    f.minute = loose(2, 0, 59);
    f.twelveHour = false;
  };
  const twelve = (): void => {
    r.spaces();
    f.hour = r.int(2, 1, 12) % 12;
    f.twelveHour = true;
  };
  const meridian = (): void => {
    const two = r.text.slice(r.at, r.at + 2).toLowerCase();
    if (two !== "am" && two !== "pm") r.fail();
    f.afternoon = two === "pm";
    r.at += 2;
  };
  const shortDate = (): void => {
    r.spaces();
    f.month = r.int(2, 1, 12);
    r.literal("/");
    r.spaces();
    f.day = r.int(2, 1, 31);
    r.literal("/");
    r.spaces();
    const year = r.int(2, 0, 99);
    f.year = year < 69 ? 2000 + year : 1900 + year;
    f.century = undefined;
    mark("year", "month", "day");
  };
  const fullYear = (): void => {
    f.year = beforeElement ? r.int(4, 0, 9999) : r.int(5, 0, 10000);
    f.century = undefined;
    f.explicitCentury = false;
    mark("year");
  };
  const subSecond = /^E(\*|\d+)S$/.exec(element);
  if (subSecond) {
    f.second = r.int(2, 0, 60);
    if (subSecond[1] === "*") f.micros = r.fraction(0);
    else if (Number(subSecond[1]) > 6) r.fail();
    else if (Number(subSecond[1]) > 0) f.micros = r.fraction(Number(subSecond[1]));
    return;
  }
  if (element === "E4Y") {
    const from = r.at;
    f.year = r.int(4, 0, 9999);
    if (r.at - from !== 4) r.fail();
    f.century = undefined;
    mark("year");
    return;
  }
  if (element === "Ez") {
    if (r.text[r.at] === "Z") {
      r.at++;
      f.offset = 0;
    } else f.offset = r.offset(":");
    return;
  }
  const letter = element.length === 2 ? element[1]! : element;
  if (element.length === 2 && !(element[0] === "E" ? "cCxXyY" : "deHIklmMSuUVwWy").includes(letter)) r.fail();
  switch (letter) {
    case "Y":
      fullYear();
      return;
    case "C":
      if (f.century === undefined) f.year = 0;
      f.century = beforeElement ? r.int(2, 0, 99) : r.int(3, 0, 100);
      f.explicitCentury = true;
      mark("year");
      return;
    case "y": {
      f.year = r.int(2, 0, 99);
      if (!f.explicitCentury) f.century = f.year < 69 ? 20 : 19;
      mark("year");
      return;
    }
    case "m":
      f.month = r.int(2, 1, 12);
      mark("month");
      return;
    case "d":
      f.day = r.int(2, 1, 31);
      mark("day");
      return;
    case "e":
      f.day = loose(2, 1, 31);
      mark("day");
      return;
    case "Q":
      f.month = (r.int(1, 1, 4) - 1) * 3 + 1;
      f.day = 1;
      mark("month", "day");
      return;
    case "B":
    case "b":
    case "h":
      f.month = r.name(monthNames) + 1;
      mark("month");
      return;
    case "D":
    case "x":
      shortDate();
      return;
    case "F":
      f.year = loose(4, 0, 9999);
      r.literal("-");
      f.month = loose(2, 1, 12);
      r.literal("-");
      f.day = loose(2, 1, 31);
      f.century = undefined;
      mark("year", "month", "day");
      return;
    case "H":
    case "k":
      f.hour = letter === "k" ? loose(2, 0, 23) : r.int(2, 0, 23);
      f.twelveHour = false;
      return;
    case "I":
    case "l":
      twelve();
      return;
    case "M":
      f.minute = r.int(2, 0, 59);
      return;
    case "S":
      f.second = r.int(2, 0, 60);
      return;
    case "p":
    case "P":
      meridian();
      return;
    case "R":
      time();
      return;
    case "T":
    case "X":
      time();
      r.literal(":");
      f.second = loose(2, 0, 60);
      return;
    case "r":
      twelve();
      r.literal(":");
      f.minute = r.int(2, 0, 59);
      r.literal(":");
      f.second = r.int(2, 0, 60);
      r.spaces();
      meridian();
      return;
    case "c": {
      part("weekday", r.name(dayNames));
      r.spaces();
      f.month = r.name(monthNames) + 1;
      f.day = loose(2, 1, 31);
      r.spaces();
      time();
      r.literal(":");
      f.second = loose(2, 0, 60);
      r.spaces();
      f.year = r.int(4, 0, 9999);
      f.century = undefined;
      f.parts.delete("weekday");
      mark("year", "month", "day");
      return;
    }
    case "s":
      f.epoch = r.int(12, -62_135_596_800, 253_402_300_799);
      mark("year", "month", "day");
      return;
    case "z":
      f.offset = r.offset("");
      return;
    case "Z": {
      const match = /^[^ \t\n\v\f\r]+/.exec(r.text.slice(r.at));
      if (!match) {
        r.fail();
        return;
      }
      r.at += match[0].length;
      f.zone = match[0];
      f.offset = undefined;
      return;
    }
    case "A":
    case "a":
      part("weekday", r.name(dayNames));
      return;
    case "u":
      part("weekday", r.int(1, 1, 7) % 7);
      return;
    case "w":
      part("weekday", r.int(1, 0, 6));
      return;
    case "U":
    case "W":
      f.nonIso = true;
      f.parts.delete("U");
      f.parts.delete("W");
      part(letter, r.int(2, 0, 53));
      return;
    case "V":
      part("V", r.int(2, 1, 53));
      return;
    case "G":
      part("G", r.int(5, 0, 99_999));
      return;
    case "g": {
      const year = r.int(2, 0, 99);
      part("G", year <= 68 ? 2000 + year : 1900 + year);
      return;
    }
    case "J":
      part("J", r.int(3, 1, 371));
      return;
    case "j":
      f.nonIso = true;
      part("j", r.int(3, 1, 366));
      return;
    case "n":
    case "t":
      r.spaces();
      return;
    case "%":
      r.literal("%");
      return;
    default:
      r.fail();
      return;
  }
}
