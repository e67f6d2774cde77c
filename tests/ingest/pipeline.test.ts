import { expect, test } from "vitest";
import { decodeLine } from "../../ingest/door/decode.ts";
import { createDoor } from "../../ingest/door/door.ts";
import { DoorWindows } from "../../ingest/door/door-window.ts";
import { type CommitResult, type IngestEnv, type Message, runIngest } from "../../ingest/pipeline.ts";
import type { AppendResult } from "../../warehouse/warehouse.ts";
import { eventRecord } from "./support.ts";

const bytes = (value: unknown): Uint8Array => Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
const messages = (...records: unknown[]): Message[] =>
  records.map((record, index) => ({ data: bytes(record), position: index + 1, ackId: `ack-${index + 1}` }));

/** Records every outward action in order; answers from a script, then with success. */
function recordingEnv(
  blocks: readonly (readonly Message[])[],
  script: AppendResult[] = [],
  commits: CommitResult[] = [],
) {
  const actions: unknown[] = [];
  let clock = Date.UTC(2026, 1, 1);
  const env: IngestEnv = {
    source: {
      name: "ndjson:test",
      id: "test",
      from: 0,
      async *pull() {
        for (const block of blocks) {
          clock += 1000;
          yield block;
        }
      },
      async ack(ids, to) {
        actions.push({ acked: ids, to });
      },
    },
    sink: {
      async begin(_source, from) {
        actions.push({ began: from });
        return {
          id: `batch-${from}`,
          async append(table, rows) {
            actions.push({ appended: table, rows: rows.length });
            return script.shift() ?? { kind: "written", rows: rows.length };
          },
          async commit({ received, landed, duplicate, dead_letter, to, isEnd }) {
            actions.push({ committed: [received, landed, duplicate, dead_letter], to, isEnd });
            return commits.shift() ?? { kind: "committed", sequence: 0 };
          },
          async discard() {
            actions.push("discarded");
          },
        };
      },
    },
    decode: ({ data }) => [decodeLine(data, "test")],
    door: createDoor({ hashId: (id) => id, trustReceivedAt: false }),
    windows: new DoorWindows(100, [1, 2, 3, 4]),
    sealLetter: ({ reason, position }) => ({ reason, position }),
    now: () => clock,
    batchRecords: 10,
    batchAgeMs: 60_000,
    pause: async (attempt) => {
      actions.push({ paused: attempt });
    },
  };
  return { env, actions };
}

const live = new AbortController().signal;

test("when a batch holds good, repeated and broken records then each is counted once and the ack comes last", async () => {
  const { env, actions } = recordingEnv([
    messages(eventRecord(1), eventRecord(1), "{broken", eventRecord(2, { event_type: "snooze" })),
  ]);
  const totals = await runIngest(env, live);
  expect(actions).toEqual([
    { began: 0 },
    { appended: "events", rows: 1 },
    { appended: "dead_letters", rows: 2 },
    { committed: [4, 1, 1, 2], to: 4, isEnd: true },
    { acked: ["ack-1", "ack-2", "ack-3", "ack-4"], to: 4 },
  ]);
  expect(totals).toMatchObject({ records: 4, received: 4, landed: 1, duplicate: 1, dead_letter: 2 });
  expect(totals.dead_letters_by_reason).toEqual({ "malformed-json": 1, "unknown-event-type": 1 });
});

test("when another record comes under the id of one that landed then it is kept beside it and counted", async () => {
  const other = eventRecord(1, { campaign_id: "another" });
  const { env, actions } = recordingEnv([messages(eventRecord(1), other, other, eventRecord(1))]);
  const totals = await runIngest(env, live);
  expect(totals).toMatchObject({ received: 4, landed: 2, duplicate: 2, conflict: 1 });
  expect(actions[1]).toEqual({ appended: "events", rows: 2 });
});

test("when the writer refuses a row then the others are written again and the row becomes a dead letter", async () => {
  const { env, actions } = recordingEnv(
    [messages(eventRecord(1), eventRecord(2))],
    [{ kind: "rejected-rows", reasonByIndex: new Map([[0, "too wide"]]) }],
  );
  const totals = await runIngest(env, live);
  expect(actions).toEqual([
    { began: 0 },
    { appended: "events", rows: 2 },
    { appended: "events", rows: 1 },
    { appended: "dead_letters", rows: 1 },
    { committed: [2, 1, 0, 1], to: 2, isEnd: true },
    { acked: ["ack-1", "ack-2"], to: 2 },
  ]);
  expect(totals.dead_letters_by_reason).toEqual({ "row-refused": 1 });
});

test("when a refused row is delivered again then it is tried again and is no duplicate", async () => {
  const { env, actions } = recordingEnv(
    [messages(eventRecord(1)), messages(eventRecord(1))],
    [{ kind: "rejected-rows", reasonByIndex: new Map([[0, "too wide"]]) }],
  );
  const totals = await runIngest(env, live);
  expect(totals).toMatchObject({ received: 2, landed: 1, duplicate: 0, dead_letter: 1 });
  expect(actions.filter((action) => JSON.stringify(action).includes('"events"'))).toHaveLength(2);
});

test("when the table lags behind its schema then the same rows are tried again after a pause", async () => {
  const { env, actions } = recordingEnv([messages(eventRecord(1))], [{ kind: "schema-lagging", cause: "new column" }]);
  await runIngest(env, live);
  expect(actions.slice(0, 4)).toEqual([
    { began: 0 },
    { appended: "events", rows: 1 },
    { paused: 1 },
    { appended: "events", rows: 1 },
  ]);
});

test("when another process has landed the records then nothing is acked and the error says what to do", async () => {
  const { env, actions } = recordingEnv([messages(eventRecord(1))], [], [{ kind: "superseded", to: 1 }]);
  await expect(runIngest(env, live)).rejects.toMatchObject({ code: "ingest.superseded" });
  expect(actions).not.toContainEqual(expect.objectContaining({ acked: expect.anything() }));
  expect(actions).toContain("discarded");
});

test("when the source is quiet then a batch closes by age", async () => {
  const { env, actions } = recordingEnv([messages(eventRecord(1)), [], [], []]);
  await runIngest({ ...env, batchRecords: 1000, batchAgeMs: 2000 }, live);
  expect(actions).toContainEqual({ committed: [1, 1, 0, 0], to: 1, isEnd: false });
});

test("when a source says nothing then the ledger still notes that it ended", async () => {
  const { env, actions } = recordingEnv([]);
  await runIngest(env, live);
  expect(actions).toEqual([{ began: 0 }, { committed: [0, 0, 0, 0], to: 0, isEnd: true }, { acked: [], to: 0 }]);
});

test("when the clock is put back then the batch under way closes at once, not when the clock is there again", async () => {
  const { env, actions } = recordingEnv([messages(eventRecord(1)), [], [], []]);
  const times = [0, -86_400_000, -86_399_000, -86_398_000].map((ms) => Date.UTC(2026, 1, 1) + ms);
  let look = 0;
  await runIngest({ ...env, now: () => times[Math.min(look++, 3)]!, batchRecords: 1000, batchAgeMs: 60_000 }, live);
  expect(actions).toContainEqual({ committed: [1, 1, 0, 0], to: 1, isEnd: false });
  expect(actions.indexOf("discarded")).toBe(-1);
});

test("when the clock leaps ahead then the batch closes, and no event is refused for it", async () => {
  const { env, actions } = recordingEnv([messages(eventRecord(1)), messages(eventRecord(2)), []]);
  let look = 0;
  const now = () => Date.UTC(2026, 1, 1) + (look++ > 0 ? 86_400_000 : 0);
  const totals = await runIngest({ ...env, now, batchRecords: 1000, batchAgeMs: 60_000 }, live);
  expect(totals).toMatchObject({ received: 2, landed: 2, dead_letter: 0 });
  expect(actions.filter((action) => JSON.stringify(action).includes('"isEnd":false'))).toHaveLength(1);
});
