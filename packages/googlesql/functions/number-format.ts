/** CAST of a number AS STRING FORMAT: the elements of docs/format-elements.md, by public/functions/convert_string_with_format.cc. */
import { bigNumericKind, divideRounded, parseDecimal } from "./decimal.ts";
import { decimalBy } from "./format-dynamic.ts";
import { formatDouble, type Specifier } from "./printf.ts";

/** A format that has been read and found right. `elements` are digits, separators, the point and the exponent, in order. */
interface NumberFormat {
  readonly output: "decimal" | "hexadecimal";
  readonly elements: readonly string[];
  /** How many elements stand before the point, how many digits behind it and before it. */
  readonly point: number;
  readonly scale: number;
  readonly wholeDigits: number;
  readonly firstZero: number | undefined;
  readonly currency: string | undefined;
  readonly sign: string | undefined;
  readonly signInFront: boolean;
  readonly exponent: boolean;
  readonly blank: boolean;
  readonly compact: boolean;
}

const element = /TM9|TME|TM|EEEE|MI|PR|RN|FM|[$09X.D,GSBVCL]/iy;

const wrong = (message: string): never => {
  throw new Error(`Error in format string: ${message}`);
};

type State = "start" | "whole" | "fraction" | "exponent" | "end" | "hexadecimal" | "roman" | "minimal";

class Reader {
  private state: State = "start";
  private readonly elements: string[] = [];
  private readonly flags = { compact: false, blank: false, hex: false, nine: false, separator: false, exponent: false };
  private currency: string | undefined;
  private sign: string | undefined;
  private signInFront = false;
  private digits = 0;
  private scale = 0;
  private point: number | undefined;
  private firstZero: number | undefined;

  read(format: string): NumberFormat {
    if (format.length > 1 << 20) wrong("Format string too long");
    for (let at = 0; at < format.length; ) {
      element.lastIndex = at;
      const text = element.exec(format)?.[0] ?? wrong(`Invalid format element '${format[at]}'`);
      at += text.length;
      this.take(text, text.toUpperCase());
    }
    return this.finish();
  }

  private take(text: string, name: string): void {
    if (/^(?:[09X.DV,G]|EEEE)$/.test(name)) {
      this.elements.push(text);
      if (name === "0") this.firstZero ??= this.elements.length - 1;
    }
    if (name === "FM") {
      if (this.flags.compact) wrong("'FM' cannot be repeated");
      this.flags.compact = true;
    } else if (/^[$CL]$/.test(name)) {
      if (this.currency !== undefined) wrong("There can be at most one of '$', 'C' or 'L'");
      this.currency = text;
    } else if (name === "B") {
      if (this.flags.blank) wrong("There can be at most one 'B'");
      this.flags.blank = true;
    } else {
      if (/^[09X]$/.test(name)) this.digits++;
      this.step(name);
    }
  }

  private step(name: string): void {
    const isSign = /^(?:S|MI|PR)$/.test(name);
    const isPoint = /^[.DV]$/.test(name);
    switch (this.state) {
      case "start":
        if (name === "S") [this.sign, this.signInFront, this.state] = [name, true, "whole"];
        else if (name === "9" || name === "0") [this.flags.nine, this.state] = [name === "9", "whole"];
        else if (name === "X") [this.flags.hex, this.state] = [true, "hexadecimal"];
        else if (name === "RN") this.state = "roman";
        else if (isPoint) this.startFraction();
        else if (name.startsWith("TM")) this.state = "minimal";
        else wrong(`Unexpected '${name}'`);
        return;
      case "whole":
        if (isSign) this.endWith(name);
        else if (name === "EEEE") {
          if (this.flags.separator) wrong("',' or 'G' cannot appear together with 'EEEE'");
          this.flags.exponent = true;
          this.point = this.elements.length - 1;
          this.state = "exponent";
        } else if (name === "X") {
          if (this.flags.nine) wrong("'X' cannot appear together with '9'");
          if (this.flags.separator) wrong("'X' cannot appear together with ',' or 'G'");
          [this.flags.hex, this.state] = [true, "hexadecimal"];
        } else if (name === "9") this.flags.nine = true;
        else if (name === "," || name === "G") this.flags.separator = true;
        else if (isPoint) this.startFraction();
        else if (name !== "0") wrong(`Unexpected '${name}'`);
        return;
      case "fraction":
        if (name === "0" || name === "9") this.scale++;
        else if (isSign) this.endWith(name);
        else if (name === "EEEE" && !this.flags.separator) [this.flags.exponent, this.state] = [true, "exponent"];
        else wrong(`Unexpected '${name}'`);
        return;
      case "exponent":
        if (!isSign) wrong(`'${name}' cannot appear after 'EEEE'`);
        this.endWith(name);
        return;
      case "hexadecimal":
        if (isSign) this.endWith(name);
        else if (name !== "0" && name !== "X") wrong(`'X' cannot appear together with '${name}'`);
        return;
      default:
        wrong(`Unexpected format element '${name}'`);
    }
  }

  private startFraction(): void {
    this.point = this.elements.length - 1;
    this.state = "fraction";
  }

  private endWith(sign: string): void {
    if (this.sign !== undefined) wrong("There can be at most one of 'S', 'MI', or 'PR'");
    this.sign = sign;
    this.state = "end";
  }

  private finish(): NumberFormat {
    const { hex, compact, blank, exponent } = this.flags;
    const isOther = this.state === "minimal" || this.state === "roman";
    if ((hex || isOther) && (this.currency !== undefined || blank)) wrong("elements that do not go together");
    if (this.state === "minimal" && compact) wrong("'TM' cannot be combined with other format elements");
    if (isOther) throw new Error("refused.CAST_FORMAT: text minimal and roman numerals");
    if (this.digits === 0) wrong("Format string must contain at least one of 'X', '0' or '9'");
    if (hex && this.digits > 16) wrong("Max number of 'X' is 16");
    let elements = this.elements;
    let point = this.point ?? elements.length;
    if (hex) {
      // A zero has the case of the X behind it.
      let letter = "X";
      elements = [...elements].reverse().map((one) => {
        if (one !== "0") letter = one;
        return letter;
      });
      elements.reverse();
    } else if (exponent && point >= 2) {
      elements = elements.slice(point - 1);
      point = 1;
    }
    return {
      output: hex ? "hexadecimal" : "decimal",
      elements,
      point,
      scale: this.scale,
      wholeDigits: this.digits - this.scale,
      firstZero: this.firstZero,
      currency: this.currency,
      sign: this.sign,
      signInFront: this.signInFront,
      exponent,
      blank,
      compact,
    };
  }
}

const known = new Map<string, NumberFormat>();

/** Reads a format; throws an Error that says what is wrong with it. */
export function readNumberFormat(format: string): NumberFormat {
  let read = known.get(format);
  if (!read) {
    read = new Reader().read(format);
    if (known.size > 500) known.clear();
    known.set(format, read);
  }
  return read;
}

const isZeroAt = (format: NumberFormat, index: number): boolean =>
  format.firstZero !== undefined && index >= format.firstZero;

function signs(format: NumberFormat, negative: boolean, blank: boolean): readonly [string, string] {
  const mark = (minus: string, plus: string): string => (blank ? " " : negative ? minus : plus);
  if (format.sign === "S") return format.signInFront ? [mark("-", "+"), ""] : ["", mark("-", "+")];
  if (format.sign === "MI") return ["", mark("-", " ")];
  if (format.sign === "PR") return [mark("<", " "), mark(">", " ")];
  return [mark("-", " "), ""];
}

function currencyText({ currency }: NumberFormat, blank: boolean): string {
  if (currency === undefined) return "";
  const text = currency === "C" ? "USD" : currency === "c" ? "usd" : "$";
  return blank ? " ".repeat(text.length) : text;
}

const finished = (format: NumberFormat, text: string): string => (format.compact ? text.trim() : text);

/** `inf`, `nan`, or what `%#.2f` and `%#.2e` print, put into the places of the format. */
function decimalText(format: NumberFormat, printed: string): string {
  const negative = printed.startsWith("-");
  if (/inf|nan/.test(printed)) return specialText(format, printed.replace("-", "").toUpperCase(), negative);
  const [, whole = "", digits = "", exponent = ""] = /^-?(\d+)\.(\d*)(?:e(.*))?$/.exec(printed) ?? [];
  const integer = whole === "0" ? "" : whole;
  const fraction = format.compact ? digits.replace(/0+$/, "") : digits;
  const blank = format.blank && integer === "";
  const overflow = integer.length > format.wholeDigits;
  let tail = "";
  let next = 0;
  for (const one of format.elements.slice(format.point)) {
    const name = one.toUpperCase();
    if (name === "." || name === "D") tail += blank ? " " : ".";
    else if (name === "EEEE") tail += overflow ? "####" : blank ? "    " : `${one[0]}${exponent}`;
    else if (name !== "V") {
      if (overflow) tail += "#";
      else if (next < fraction.length) tail += blank ? " " : fraction[next];
      next++;
    }
  }
  const zeroes = format.firstZero !== undefined && format.firstZero < format.point;
  const hasWhole = format.wholeDigits > 0 && (integer !== "" || format.exponent || zeroes || fraction === "");
  const [head, padding] = hasWhole ? wholeText(format, integer || "0", overflow, blank) : ["", format.point];
  const [prefix, suffix] = signs(format, negative, blank);
  return finished(format, `${" ".repeat(padding)}${prefix}${currencyText(format, blank)}${head}${tail}${suffix}`);
}

/** The digits before the point, from the last to the first, and how many places are left over. */
function wholeText(format: NumberFormat, digits: string, overflow: boolean, blank: boolean): [string, number] {
  let text = "";
  let left = digits.length - 1;
  let place = format.point - 1;
  for (; place >= 0; place--) {
    if (left < 0 && !isZeroAt(format, place)) break;
    if (/[,Gg]/.test(format.elements[place]!)) text = (blank ? " " : ",") + text;
    else {
      text = (overflow ? "#" : blank ? " " : left >= 0 ? digits[left]! : "0") + text;
      left--;
    }
  }
  return [text, place + 1];
}

/** INF and NAN stand in the places before the point, if these are three. */
function specialText(format: NumberFormat, name: string, negative: boolean): string {
  let text = name;
  let padding = format.elements.length;
  if (!format.exponent) {
    const overflow = format.point < 3;
    let place = format.point - 1;
    text = "";
    for (let left = name.length - 1; left >= 0 && place >= 0; left--, place--) {
      const separator = /[,Gg]/.test(format.elements[place]!);
      text = (overflow ? (separator ? "," : "#") : name[left]!) + text;
    }
    padding = place + 1;
    const tail = format.elements
      .slice(format.point)
      .map((one) => (/[Vv]/.test(one) ? "" : overflow ? (/[.Dd]/.test(one) ? "." : "#") : " "))
      .join("");
    text += finished(format, tail);
  }
  let [prefix, suffix] = signs(format, negative, false);
  if (name === "NAN") [prefix, suffix] = [" ".repeat(prefix.length), " ".repeat(suffix.length)];
  const left = format.compact ? "" : " ".repeat(padding);
  return finished(format, `${left}${prefix}${currencyText(format, false)}${text}${suffix}`);
}

function hexadecimalText(format: NumberFormat, magnitude: bigint | undefined, negative: boolean): string {
  const digits =
    magnitude === undefined || magnitude >= 2n ** 64n ? "0".repeat(17) : magnitude.toString(16).toLowerCase();
  const overflow = digits.length > format.elements.length;
  let text = "";
  let left = digits.length - 1;
  let place = format.elements.length - 1;
  for (; place >= 0; place--) {
    if (left < 0 && !isZeroAt(format, place)) break;
    const digit = left >= 0 ? digits[left]! : "0";
    text = (overflow ? "#" : format.elements[place] === "X" ? digit.toUpperCase() : digit) + text;
    left--;
  }
  const [prefix, suffix] = signs(format, negative, false);
  const padding = format.compact ? "" : " ".repeat(place + 1);
  return finished(format, `${padding}${prefix}${text}${suffix}`);
}

const specifierOf = (format: NumberFormat): Specifier => ({
  flags: "#",
  width: 0,
  precision: format.scale,
  letter: format.exponent ? "e" : "f",
});

/** A FLOAT64 by a format. */
export function formatFloatBy(value: number, text: string): string {
  const format = readNumberFormat(text);
  if (format.output === "decimal") return decimalText(format, formatDouble(specifierOf(format), value));
  const size = Math.abs(value);
  const below = Math.floor(size);
  const rounded = size - below >= 0.5 ? below + 1 : below;
  return hexadecimalText(format, Number.isFinite(rounded) ? BigInt(rounded) : undefined, value < 0);
}

/** An INT64, NUMERIC or BIGNUMERIC, as text, by a format. */
export function formatDecimalBy(value: string, text: string): string {
  const format = readNumberFormat(text);
  if (format.output === "decimal") return decimalText(format, decimalBy(specifierOf(format), value));
  const scaled = parseDecimal(bigNumericKind, value);
  const size = divideRounded(scaled < 0n ? -scaled : scaled, bigNumericKind.one);
  return hexadecimalText(format, size, scaled < 0n);
}
