import { expect, test } from "vitest";
import { linesOf } from "../../../ingest/files/ndjson.ts";

const cases: Readonly<Record<string, Buffer>> = {
  plain: Buffer.from('{"a":1}\n{"b":2}\n'),
  "no line feed at the end": Buffer.from('{"a":1}\n{"b":2}'),
  "a mark, carriage returns and blanks": Buffer.from('\ufeff{"a":1}\r\n\r\n  \t\n{"b":"\ufeff"}\r\n'),
  "other scripts": Buffer.from('{"a":"é漢字😀"}\n{"b":"plain"}\n\n{"c":"ü"}'),
  "bytes that are no UTF-8": Buffer.concat([
    Buffer.from('{"a":1}\n'),
    Buffer.from([0xff, 0xfe, 10, 0xc3]),
    Buffer.from('\n{"b":"é"}\n'),
  ]),
  "a mark alone": Buffer.from("\ufeff\n{}\n"),
  nothing: Buffer.alloc(0),
};

async function read(bytes: Buffer, chunk: number, skip = 0) {
  const chunks = async function* () {
    for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
  };
  const lines: string[] = [];
  for await (const block of linesOf(chunks(), skip)) {
    for (const { position, data, text } of block) {
      lines.push(`${position} ${Buffer.from(data).toString("hex")}`);
      if (text !== undefined) expect(Buffer.from(text)).toEqual(Buffer.from(data));
    }
  }
  return lines;
}

/** What the lines are, said another way: cut at each line feed, a carriage return and the file's mark taken off, blanks left out. */
function expected(bytes: Buffer): string[] {
  const texts = bytes.toString("latin1").split("\n");
  return texts.flatMap((text, index) => {
    const bare = (index === 0 ? text.replace(/^\xef\xbb\xbf/, "") : text).replace(/\r$/, "");
    return /^[ \t]*$/.test(bare) ? [] : [`${index + 1} ${Buffer.from(bare, "latin1").toString("hex")}`];
  });
}

test.each(Object.keys(cases))(
  "when lines come in chunks of any size then they are the same lines: %s",
  async (name) => {
    const bytes = cases[name]!;
    for (let chunk = 1; chunk <= bytes.length + 1; chunk++) {
      expect(await read(bytes, chunk), `chunks of ${chunk}`).toEqual(expected(bytes));
      expect(await read(bytes, chunk, 1), `chunks of ${chunk}, behind the first`).toEqual(
        expected(bytes).filter((line) => !line.startsWith("1 ")),
      );
    }
  },
);
