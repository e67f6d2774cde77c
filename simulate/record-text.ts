import { DAY_MS } from "./config.ts";
import { mix32 } from "./random.ts";

/** Text of ids and times, made by hand: this is the hot part of writing millions of lines. */

const hexQuads: readonly string[] = Array.from({ length: 65_536 }, (_, n) => n.toString(16).padStart(4, "0"));
const twoDigits: readonly string[] = Array.from({ length: 100 }, (_, n) => String(n).padStart(2, "0"));
const threeDigits: readonly string[] = Array.from({ length: 1_000 }, (_, n) => String(n).padStart(3, "0"));
const dayTexts = new Map<number, string>();

const hex32 = (x: number): string => hexQuads[x >>> 16]! + hexQuads[x & 0xffff]!;

/** ISO 8601 in UTC with milliseconds, of a whole number of epoch milliseconds. */
export function isoTime(at: number): string {
  const day = Math.floor(at / DAY_MS);
  let text = dayTexts.get(day);
  if (text === undefined) {
    text = `${new Date(day * DAY_MS).toISOString().slice(0, 10)}T`;
    dayTexts.set(day, text);
  }
  let rest = at - day * DAY_MS;
  const ms = rest % 1000;
  rest = (rest - ms) / 1000;
  const seconds = rest % 60;
  rest = (rest - seconds) / 60;
  const minutes = rest % 60;
  return `${text}${twoDigits[(rest - minutes) / 60]!}:${twoDigits[minutes]!}:${twoDigits[seconds]!}.${threeDigits[ms]!}Z`;
}

/** Ids from a counter: distinct within a maker, different between seeds, and meaningless to look at. */
export class IdMaker {
  private readonly salt: number;
  private readonly salt2: number;

  constructor(saltA: number, saltB: number) {
    this.salt = saltA;
    this.salt2 = saltB;
  }

  /** 16 hex digits; the first eight alone are distinct. */
  short(n: number): string {
    const first = mix32(n ^ this.salt);
    return hex32(first) + hex32(mix32(first + this.salt2));
  }

  /** A UUID of version 4 in form. */
  uuid(n: number): string {
    const a = mix32(n ^ this.salt);
    const b = mix32(a + this.salt2);
    const c = mix32(b ^ this.salt);
    const d = mix32(c + n);
    const e = mix32(d ^ this.salt2);
    return `${hex32(a)}-${hexQuads[b >>> 16]!}-${hexQuads[0x4000 | (b & 0x0fff)]!}-${hexQuads[0x8000 | (c & 0x3fff)]!}-${hexQuads[c >>> 16]!}${hex32(d ^ e)}`;
  }
}

/** Cents as a decimal number of currency units. */
export const money = (cents: number): string => `${Math.floor(cents / 100)}.${twoDigits[cents % 100]!}`;

/** JSON text of a caller's own words, in ASCII, as the files of a stream are. */
export const asciiJson = (text: string): string =>
  JSON.stringify(text).replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
