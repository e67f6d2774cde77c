import { UserError } from "../../errors/user-error.ts";

/** Lengths and strings as SSH writes them (RFC 4251, section 5). */
export const wireString = (value: string | Uint8Array): Buffer => {
  const bytes = typeof value === "string" ? Buffer.from(value) : Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
};

export const wireNumber = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** Reads the same, from the front; anything cut short is a UserError. */
export class WireReader {
  #bytes: Buffer;
  readonly #what: string;

  constructor(bytes: Buffer, what: string) {
    this.#bytes = bytes;
    this.#what = what;
  }

  bytes(length: number): Buffer {
    if (length < 0 || length > this.#bytes.length) throw cut(this.#what);
    const taken = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return taken;
  }

  number(): number {
    return this.bytes(4).readUInt32BE(0);
  }

  string(): Buffer {
    return this.bytes(this.number());
  }

  get isEmpty(): boolean {
    return this.#bytes.length === 0;
  }
}

const cut = (what: string): UserError => new UserError(`${what} is cut short`, { code: "people.cut", exit: "usage" });

/** The bytes between `-----BEGIN what-----` and its end; null when there is no such block. */
export function unarmour(text: string, what: string): Buffer | null {
  const found = new RegExp(`-----BEGIN ${what}-----([A-Za-z0-9+/=\\s]+)-----END ${what}-----`).exec(text);
  return found?.[1] === undefined ? null : Buffer.from(found[1].replaceAll(/\s/g, ""), "base64");
}

/** Base64 in lines of 70 between the marks. */
export const armour = (bytes: Buffer, what: string): string =>
  `-----BEGIN ${what}-----\n${(bytes.toString("base64").match(/.{1,70}/g) ?? []).join("\n")}\n-----END ${what}-----\n`;
