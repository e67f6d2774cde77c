import { describe, expect, test } from "vitest";
import { type CsvValue, csvRecords } from "../../../ingest/files/csv.ts";

const options = { delimiter: ",", quote: '"' };

async function read(chunks: AsyncIterable<Buffer>): Promise<CsvValue[]> {
  const values: CsvValue[] = [];
  for await (const block of csvRecords(chunks, options, 0))
    for (const message of block) values.push((message as unknown as { value: CsvValue }).value);
  return values;
}

async function* chunksOf(lines: number, bytes: number): AsyncIterable<Buffer> {
  const text = Buffer.from(`id,name\n${Array.from({ length: lines }, (_, i) => `${i},"name ${i}"`).join("\n")}\n`);
  for (let at = 0; at < text.length; at += bytes) yield text.subarray(at, at + bytes);
}

describe("csvRecords", () => {
  test("when the file comes faster than it is read then every record is there, and nothing piles up on the parser", async () => {
    const warnings: string[] = [];
    const hear = (warning: Error): void => void warnings.push(warning.name);
    process.on("warning", hear);
    try {
      expect(await read(chunksOf(100_000, 1 << 16))).toHaveLength(100_000);
      await new Promise(setImmediate);
    } finally {
      process.off("warning", hear);
    }
    expect(warnings).toEqual([]);
  });

  test("when the file is cut anywhere then its records are the same", async () => {
    const whole = await read(chunksOf(50, 1 << 16));
    for (let bytes = 1; bytes < 40; bytes++) expect(await read(chunksOf(50, bytes))).toEqual(whole);
  });

  test("when reading the file fails then that failure is thrown", async () => {
    async function* torn(): AsyncIterable<Buffer> {
      yield Buffer.from("id,name\n1,one\n");
      throw new Error("the disk is gone");
    }
    await expect(read(torn())).rejects.toThrow("the disk is gone");
  });

  test("when the reader stops early then the file is let go", async () => {
    let isLetGo = false;
    async function* endless(): AsyncIterable<Buffer> {
      try {
        yield Buffer.from("id,name\n");
        for (;;) yield Buffer.from("1,one\n".repeat(2_000));
      } finally {
        isLetGo = true;
      }
    }
    for await (const block of csvRecords(endless(), options, 0)) if (block.length > 0) break;
    expect(isLetGo).toBe(true);
  });
});
