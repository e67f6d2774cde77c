import { isUtf8 } from "node:buffer";
import { pipeline } from "node:stream/promises";
import { parse } from "csv-parse";
import { UserError } from "../../errors/user-error.ts";
import { cleanText } from "../door/metadata.ts";
import type { Message } from "../pipeline.ts";
import { asUtf8 } from "./charset.ts";

export interface CsvOptions {
  readonly delimiter: string;
  readonly quote: string;
  /** The columns' names where the file has no header line. */
  readonly columns?: readonly string[] | undefined;
  /** Of files that are not UTF-8. */
  readonly charset?: string | undefined;
  /** Which of several columns of one name counts; without it such a header is an error. */
  readonly repeated?: "first" | "last" | "number" | undefined;
  /** For errors. */
  readonly path?: string | undefined;
}

/** A record of a CSV file, or what is wrong with it. */
export type CsvValue =
  | { readonly kind: "record"; readonly fields: Readonly<Record<string, string>> }
  | { readonly kind: "malformed"; readonly detail: string };

/** Of a longer record nothing is kept but that it was there. */
const maxRecordBytes = 1 << 20;
/** So far an open quote is followed to its end; what then is still open takes the rest of the file with it. */
const maxOpenBytes = 16 << 20;
const blockRecords = 1000;

/** A CSV record with its header line before it: a document of its own, so that it can be read again by itself. */
class CsvMessage implements Message {
  readonly position: number;
  readonly value: CsvValue;
  readonly #header: string;
  readonly #raw: string;

  /** `header` and `raw` hold a byte a character. */
  constructor(position: number, value: CsvValue, header: string, raw: string) {
    this.position = position;
    this.value = value;
    this.#header = header;
    this.#raw = raw;
  }

  get data(): Uint8Array {
    return Buffer.from(this.#header === "" ? this.#raw : `${this.#header}\n${this.#raw}`, "latin1");
  }
}

/**
 * Records of a CSV stream (RFC 4180; a byte order mark and Excel's `sep=` line are skipped), numbered from 1 without the header. A record
 * that is not UTF-8 is malformed by itself, and nothing of it is guessed: names and addresses are hashed from it.
 */
export async function* csvRecords(
  chunks: AsyncIterable<Buffer>,
  options: CsvOptions,
  skip: number,
): AsyncIterable<readonly Message[]> {
  const parser = parse({
    encoding: "latin1", // a byte a character: csv-parse would put U+FFFD for what is not UTF-8 and say nothing
    raw: true,
    delimiter: Buffer.from(options.delimiter, "utf8").toString("latin1"),
    quote: options.quote,
    relax_quotes: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: maxOpenBytes,
  });
  // What goes wrong with the chunks comes through the parser.
  const bytes = withoutMark(options.charset ? asUtf8(chunks, options.charset) : chunks);
  const feeding = pipeline(bytes, parser).catch(() => {});
  let columns = options.columns;
  let header = columns ? asBytes(columns.map((name) => quoted(name, options)).join(options.delimiter)) : "";
  let position = 0;
  let block: Message[] = [];
  try {
    for await (const one of parser as AsyncIterable<{ record: string[]; raw: string }>) {
      const raw = one.raw.replace(/\r?\n$|\r$/, "");
      if (!columns) {
        if (header === "" && /^sep=.?$/i.test(raw)) continue;
        columns = columnNames(one.record, options);
        header = raw;
        continue;
      }
      position += 1;
      if (position <= skip) continue;
      block.push(
        raw.length > maxRecordBytes
          ? new CsvMessage(position, { kind: "malformed", detail: "a record of more than 1 MiB" }, header, "")
          : new CsvMessage(position, csvValue(one.record, columns), header, raw),
      );
      if (block.length >= blockRecords) {
        yield block;
        block = [];
      }
    }
  } catch (error) {
    // The parser cannot go on: an open quote at the end, or a record too long. What is left is one dead letter.
    const code = (error as { code?: unknown }).code;
    if (typeof code !== "string" || !(code.startsWith("CSV_") || code === "ERR_ENCODING_INVALID_ENCODED_DATA"))
      throw error;
    block.push(
      new CsvMessage(position + 1, { kind: "malformed", detail: `the rest of the file: ${code}` }, header, ""),
    );
  } finally {
    parser.destroy();
    await feeding;
  }
  yield block;
}

/** The columns of a header line. A name that stands there twice names nothing, unless the mapping says which one counts. */
function columnNames(record: readonly string[], { repeated, path }: CsvOptions): readonly string[] {
  const names = record.map((name) => {
    const decoded = utf8Of(name);
    if (decoded === undefined) throw notUtf8("the header line is not UTF-8", path);
    return decoded.trim();
  });
  const twice = names.find((name, at) => name !== "" && names.indexOf(name) !== at);
  if (twice === undefined) return names;
  if (repeated === undefined) {
    throw new UserError(`two columns are called "${cleanText(twice).slice(0, 80)}"`, {
      code: "ingest.repeated-column",
      exit: "usage",
      where: path,
      next: "say in the mapping which one counts: csv: { repeated: first | last | number }; number makes the second one `Name#2`",
    });
  }
  return names.map((name, at) => {
    const before = names.slice(0, at).filter((one) => one === name).length;
    if (repeated === "number") return before === 0 ? name : `${name}#${before + 1}`;
    const isKept = repeated === "first" ? before === 0 : names.lastIndexOf(name) === at;
    return isKept ? name : `${name}#left out ${at}`;
  });
}

const notUtf8 = (message: string, path: string | undefined): UserError =>
  new UserError(message, {
    code: "ingest.not-utf8",
    exit: "usage",
    where: path,
    next: "name its charset in the mapping: csv: { charset: windows-1252 }",
  });

function csvValue(record: readonly string[], columns: readonly string[]): CsvValue {
  if (record.length !== columns.length) {
    return { kind: "malformed", detail: `${record.length} values for ${columns.length} columns` };
  }
  const fields: Record<string, string> = {};
  for (let at = 0; at < columns.length; at++) {
    const value = utf8Of(record[at]!);
    if (value === undefined) {
      return {
        kind: "malformed",
        detail: "not UTF-8; the mapping may name the charset, csv: { charset: windows-1252 }",
      };
    }
    fields[columns[at]!] = value;
  }
  return { kind: "record", fields };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the question is whether it is ASCII
const isAsciiText = /^[\x00-\x7f]*$/;

/** Text that holds a byte a character as what the bytes say in UTF-8; undefined where they are none. */
function utf8Of(bytes: string): string | undefined {
  if (isAsciiText.test(bytes)) return bytes;
  const buffer = Buffer.from(bytes, "latin1");
  return isUtf8(buffer) ? buffer.toString("utf8") : undefined;
}

const asBytes = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

async function* withoutMark(chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  let head: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of chunks) {
    if (!head) {
      yield chunk;
      continue;
    }
    head = Buffer.concat([head, chunk]);
    if (head.length < 3) continue;
    yield head.readUIntBE(0, 3) === 0xefbbbf ? head.subarray(3) : head;
    head = undefined;
  }
  if (head && head.length > 0) yield head;
}

const quoted = (text: string, { delimiter, quote }: CsvOptions): string =>
  text.includes(delimiter) || text.includes(quote) ? `${quote}${text.replaceAll(quote, quote + quote)}${quote}` : text;

/** The delimiter of a header line: the one of comma, semicolon, tab and bar that is there most often. */
export function guessDelimiter(head: string): string {
  const line = head.split(/\r\n?|\n/, 1)[0] ?? "";
  const said = /^\ufeff?sep=(.)$/i.exec(line);
  if (said) return said[1]!;
  const counts = [",", ";", "\t", "|"].map((mark) => [mark, line.split(mark).length] as const);
  return counts.reduce((best, next) => (next[1] > best[1] ? next : best))[0];
}
