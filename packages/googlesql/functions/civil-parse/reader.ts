export const isSpace = (c: string | undefined): boolean => c !== undefined && /[ \t\n\v\f\r]/.test(c);

/** A text that is read from the front; what does not fit fails the whole. */
export class Reader {
  at = 0;
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  fail(): never {
    throw new Error(`Failed to parse input string "${this.text}"`);
  }

  spaces(): void {
    while (isSpace(this.text[this.at])) this.at++;
  }

  int(width: number, min: number, max: number): number {
    let left = width;
    let negative = false;
    if (this.text[this.at] === "-") {
      negative = true;
      if (--left === 0) this.fail();
      this.at++;
    }
    const from = this.at;
    while (left > 0 && /[0-9]/.test(this.text[this.at] ?? "")) {
      this.at++;
      left--;
    }
    if (this.at === from) this.fail();
    const value = Number(this.text.slice(from, this.at));
    if (negative && value === 0) this.fail();
    const signed = negative ? -value : value;
    return signed < min || signed > max ? this.fail() : signed;
  }

  /** A number as C's strptime reads it: behind white space, and no digit more once it would be too large with one. */
  number(width: number, min: number, max: number): number {
    this.spaces();
    let [value, left] = [0, width];
    do {
      const digit = this.text[this.at] ?? "";
      if (!/^[0-9]$/.test(digit)) return this.fail();
      value = value * 10 + Number(digit);
      this.at++;
    } while (--left > 0 && value * 10 <= max && /^[0-9]$/.test(this.text[this.at] ?? ""));
    return value < min || value > max ? this.fail() : value;
  }

  literal(c: string): void {
    if (this.text[this.at] !== c) this.fail();
    this.at++;
  }

  /** A whole name or its first three letters, any case: its index. */
  name(names: readonly string[]): number {
    const rest = this.text.slice(this.at).toLowerCase();
    for (const [i, name] of names.entries()) {
      for (const form of [name, name.slice(0, 3)]) {
        if (rest.startsWith(form.toLowerCase())) {
          this.at += form.length;
          return i;
        }
      }
    }
    return this.fail();
  }

  fraction(digits: number): number {
    if (this.text[this.at] !== ".") return 0;
    const match = /^[0-9]+/.exec(this.text.slice(this.at + 1, digits === 0 ? undefined : this.at + 1 + digits));
    if (!match) return this.fail();
    this.at += 1 + match[0].length;
    return Number(match[0].slice(0, 6).padEnd(6, "0"));
  }

  /** Minutes of `+hh[:mm]`. */
  offset(separator: string): number {
    const match = /^([+-])(\d\d)/.exec(this.text.slice(this.at));
    if (!match || Number(match[2]) > 23) return this.fail();
    this.at += 3;
    let minutes = Number(match[2]) * 60;
    const more = (separator === "" ? /^([0-5]\d)/ : /^:?([0-5]\d)/).exec(this.text.slice(this.at));
    if (more) {
      this.at += more[0].length;
      minutes += Number(more[1]);
    }
    if (minutes > 14 * 60) throw new Error("Timezone offset out of valid range -14:00 to +14:00");
    return match[1] === "-" ? -minutes : minutes;
  }
}
