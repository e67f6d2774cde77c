import { pipeline } from "node:stream/promises";
import { parse } from "csv-parse";
import type { Message } from "../pipeline.ts";

export interface CsvOptions {
  readonly delimiter: string;
  readonly quote: string;
  /** The columns' names where the file has no header line. */
  readonly columns?: readonly string[] | undefined;
}

/** A record of a CSV file, or what is wrong with it. */
export type CsvValue =
  | { readonly kind: "record"; readonly fields: Readonly<Record<string, string>> }
  | { readonly kind: "malformed"; readonly detail: string };

/** Of a longer record nothing is kept but that it was there. */
const maxRecordBytes = 1 << 20;
const blockRecords = 1000;

/** A CSV record with its header line before it: a document of its own, so that it can be read again by itself. */
class CsvMessage implements Message {
  readonly position: number;
  readonly value: CsvValue;
  readonly #header: string;
  readonly #raw: string;

  constructor(position: number, value: CsvValue, header: string, raw: string) {
    this.position = position;
    this.value = value;
    this.#header = header;
    this.#raw = raw;
  }

  get data(): Uint8Array {
    return Buffer.from(this.#header === "" ? this.#raw : `${this.#header}\n${this.#raw}`, "utf8");
  }
}

/** Records of a CSV stream (RFC 4180; a byte order mark is skipped), numbered from 1 without the header. */
export async function* csvRecords(
  chunks: AsyncIterable<Buffer>,
  options: CsvOptions,
  skip: number,
): AsyncIterable<readonly Message[]> {
  const parser = parse({
    bom: true,
    raw: true,
    delimiter: options.delimiter,
    quote: options.quote,
    relax_quotes: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: maxRecordBytes,
  });
  // What goes wrong with the chunks comes through the parser.
  const feeding = pipeline(chunks, parser).catch(() => {});
  let columns = options.columns;
  let header = columns ? columns.map((name) => quoted(name, options)).join(options.delimiter) : "";
  let position = 0;
  let block: Message[] = [];
  try {
    for await (const one of parser as AsyncIterable<{ record: string[]; raw: string }>) {
      const raw = one.raw.replace(/\r?\n$/, "");
      if (!columns) {
        columns = one.record.map((name) => name.trim());
        header = raw;
        continue;
      }
      position += 1;
      if (position <= skip) continue;
      block.push(new CsvMessage(position, csvValue(one.record, columns), header, raw));
      if (block.length >= blockRecords) {
        yield block;
        block = [];
      }
    }
  } catch (error) {
    // The parser cannot go on: an open quote at the end, or a record too long. What is left is one dead letter.
    const code = (error as { code?: unknown }).code;
    if (typeof code !== "string" || !code.startsWith("CSV_")) throw error;
    block.push(
      new CsvMessage(position + 1, { kind: "malformed", detail: `the rest of the file: ${code}` }, header, ""),
    );
  } finally {
    parser.destroy();
    await feeding;
  }
  yield block;
}

function csvValue(record: readonly string[], columns: readonly string[]): CsvValue {
  if (record.length !== columns.length) {
    return { kind: "malformed", detail: `${record.length} values for ${columns.length} columns` };
  }
  const fields: Record<string, string> = {};
  for (let at = 0; at < columns.length; at++) fields[columns[at]!] = record[at]!;
  return { kind: "record", fields };
}

const quoted = (text: string, { delimiter, quote }: CsvOptions): string =>
  text.includes(delimiter) || text.includes(quote) ? `${quote}${text.replaceAll(quote, quote + quote)}${quote}` : text;

/** The delimiter of a header line: the one of comma, semicolon, tab and bar that is there most often. */
export function guessDelimiter(head: string): string {
  const line = head.split(/\r?\n/, 1)[0] ?? "";
  const counts = [",", ";", "\t", "|"].map((mark) => [mark, line.split(mark).length] as const);
  return counts.reduce((best, next) => (next[1] > best[1] ? next : best))[0];
}
