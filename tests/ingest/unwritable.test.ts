// A row that no writer takes, and a record that a decoder falls over: each is set aside alone, and the rest lands.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { decodeLine } from "../../ingest/door/decode.ts";
import { openLocalIngest } from "../../ingest/ingest-files.ts";
import type { IngestEnv, Message } from "../../ingest/pipeline.ts";
import { runIngest } from "../../ingest/pipeline.ts";
import { verifyLedger } from "../../ingest/segments/verify.ts";
import { eventRecord, rowsOf, temporaryFolder, testContext } from "./support.ts";

const live = new AbortController().signal;

/** No place in a column of integers: stands for whatever the engine may one day refuse. */
const misfit = { schema_version: "neither" };
/** More than the engine's reader of lines takes as one object. */
const tooLarge = () => ({ provenance: "x".repeat(40 << 20) });

async function run(raw: string, count: number, change: (env: IngestEnv) => Partial<IngestEnv>) {
  const { sink, envFor } = await openLocalIngest(testContext(raw));
  const messages = Array.from(
    { length: count },
    (_, n): Message => ({ data: Buffer.from(JSON.stringify(eventRecord(n))), position: n + 1 }),
  );
  const source = {
    name: "ndjson:test",
    id: "test",
    from: 0,
    async *pull() {
      yield messages;
    },
    async ack() {},
  };
  try {
    const env = envFor({ source, decode: ({ data }) => [decodeLine(data, "test")] });
    return await runIngest({ ...env, ...change(env) }, live);
  } finally {
    await sink.close();
  }
}

/** The door as it is, but for rows of some events that come out as no segment takes them. */
const spoiling =
  (more: () => object, ...ids: readonly string[]) =>
  (env: IngestEnv): Partial<IngestEnv> => ({
    door: (item, arrival) => {
      const admitted = env.door(item, arrival);
      return admitted.kind === "row" && ids.includes(String(admitted.row["event_id"]))
        ? { ...admitted, row: { ...admitted.row, ...more() } }
        : admitted;
    },
  });

test("when rows of a batch cannot be written then they are letters with their bytes, and the others land in order", async () => {
  const raw = join(temporaryFolder(), "raw");
  const totals = await run(
    raw,
    200,
    spoiling(() => misfit, "e17", "e18", "e150"),
  );
  expect(totals).toMatchObject({
    received: 200,
    landed: 197,
    dead_letter: 3,
    rows_by_table: { events: 197 },
    dead_letters_by_reason: { "row-refused": 3 },
  });
  const left = Array.from({ length: 200 }, (_, n) => `e${n}`).filter((id) => !["e17", "e18", "e150"].includes(id));
  expect((await rowsOf(raw, "events")).map((row) => row["event_id"])).toEqual(left);
  const letters = await rowsOf(raw, "dead_letters");
  expect(letters.map((row) => row["reason"])).toEqual(Array(3).fill("row-refused"));
  expect(new Set(letters.map((row) => row["dead_letter_id"])).size).toBe(3);
  expect((await verifyLedger(raw)).problems).toEqual([]);
});

test("when every row of a batch cannot be written then the batch still counts, and the reader is behind it", async () => {
  const raw = join(temporaryFolder(), "raw");
  expect(
    await run(
      raw,
      2,
      spoiling(() => misfit, "e0", "e1"),
    ),
  ).toMatchObject({ received: 2, landed: 0, dead_letter: 2 });
  expect((await verifyLedger(raw)).problems).toEqual([]);
});

test("when there are letters already then those of refused rows come to them", async () => {
  const raw = join(temporaryFolder(), "raw");
  const totals = await run(raw, 5, (env) => ({
    ...spoiling(() => misfit, "e3")(env),
    decode: (message) =>
      message.position === 2
        ? [{ kind: "dead-letter", reason: "malformed-input", detail: "made up" }]
        : [decodeLine(message.data, "test")],
  }));
  expect(totals).toMatchObject({ received: 5, landed: 3, dead_letter: 2 });
  expect((await rowsOf(raw, "dead_letters")).map((row) => row["reason"]).sort()).toEqual([
    "malformed-input",
    "row-refused",
  ]);
  expect((await verifyLedger(raw)).problems).toEqual([]);
});

test("when one row is larger than a segment takes then it alone is set aside", async () => {
  const raw = join(temporaryFolder(), "raw");
  expect(await run(raw, 4, spoiling(tooLarge, "e2"))).toMatchObject({ received: 4, landed: 3, dead_letter: 1 });
  expect(readdirSync(join(raw, ".set-aside"))).toHaveLength(1);
  expect((await verifyLedger(raw)).problems).toEqual([]);
});

test.each([
  ["at once", () => new Error("boom about jane@example.org")],
  ["later", () => new RangeError("Invalid string length")],
])(
  "when a decoder falls over a record %s then that record is a letter, and its words are not told",
  async (how, made) => {
    const raw = join(temporaryFolder(), "raw");
    const totals = await run(raw, 3, () => ({
      decode: (message) => {
        if (message.position !== 2) return [decodeLine(message.data, "test")];
        if (how === "later") return Promise.reject(made());
        throw made();
      },
    }));
    expect(totals).toMatchObject({ received: 3, landed: 2, dead_letters_by_reason: { "decoder-failed": 1 } });
    const [letter] = await rowsOf(raw, "dead_letters");
    expect(letter?.["detail"]).toMatch(/^a bug of ours: (Range)?Error$/);
  },
);
