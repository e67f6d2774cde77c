import { fromBase32, fromBase64, fromHex, toBase32 } from "../../functions/text-algorithms.ts";
import { lowerOf } from "./elements.ts";

const bits = (text: string, width: number): number[] => {
  const list: number[] = [];
  for (let end = text.length; end > 0; end -= width)
    list.unshift(Number.parseInt(text.slice(Math.max(0, end - width), end), 2));
  return list;
};

/** BYTES as text by `BASE2`, `BASE8`, `BASE16`/`HEX`, `BASE32`, `BASE64`/`BASE64M`, `ASCII` or `UTF-8`. */
export function bytesToText(bytes: Uint8Array, format: string): string {
  const binary = (): string => Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
  switch (lowerOf(format)) {
    case "base2":
      return binary();
    case "base8":
      return bits(binary(), 3).join("");
    case "base16":
    case "hex":
      return Buffer.from(bytes).toString("hex");
    case "base32":
      return toBase32(bytes);
    case "base64":
      return Buffer.from(bytes).toString("base64");
    case "base64m":
      return Buffer.from(bytes)
        .toString("base64")
        .replace(/.{76}(?=.)/g, "$&\n");
    case "ascii":
      if (bytes.some((byte) => byte > 127)) throw new Error("Failed to decode invalid ASCII string");
      return Buffer.from(bytes).toString("latin1");
    case "utf8":
    case "utf-8":
      try {
        return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
      } catch {
        throw new Error("A string is not valid UTF-8.");
      }
    default:
      throw new Error(`Invalid format '${format}'`);
  }
}

/** What such a text stands for. */
export function textToBytes(text: string, format: string): Uint8Array {
  switch (lowerOf(format)) {
    case "base2":
      if (/[^01]/.test(text)) throw new Error("Failed to decode invalid base2 string");
      return Uint8Array.from(bits(text, 8));
    case "base8": {
      if (/[^0-7]/.test(text)) throw new Error("Failed to decode invalid base8 string");
      const binary = Array.from(text, (c) => Number(c).toString(2).padStart(3, "0")).join("");
      const count = Math.floor(text.length / 8) * 3 + [0, 1, 1, 1, 2, 2, 2, 3][text.length % 8]!;
      const list = count === 0 ? [] : bits(binary.slice(-count * 8), 8);
      return Uint8Array.from(list);
    }
    case "base16":
    case "hex":
      return fromHex(text);
    case "base32":
      return fromBase32(text);
    case "base64":
    case "base64m":
      return fromBase64(text);
    case "ascii":
      // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII has them
      if (/[^\x00-\x7f]/.test(text)) throw new Error("Failed to decode invalid ASCII string");
      return new Uint8Array(Buffer.from(text, "latin1"));
    case "utf8":
    case "utf-8":
      return new Uint8Array(Buffer.from(text, "utf8"));
    default:
      throw new Error(`Invalid format '${format}'`);
  }
}
