import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { replay } from "../../ingest/replay.ts";
import { ingest, rowsOf, temporaryFolder, testContext } from "./support.ts";

const event = (id: string, more: object = {}) => ({
  event_id: id,
  event_type: "open",
  user_id: "ann@example.com",
  message_id: "m1",
  timestamp_utc: "2026-01-01T10:00:00Z",
  ...more,
});

test("when one record is larger than any writer takes then it is set aside, sealed and counted, and the others land", async () => {
  const folder = temporaryFolder();
  const raw = join(folder, "raw");
  const file = join(folder, "events.json");
  const tags = Array.from({ length: 40_000 }, (_, n) => `tag ${n} ${"x".repeat(700)}`);
  writeFileSync(file, JSON.stringify([event("a"), event("b", { metadata: { tags } }), event("c")]));
  const [outcome] = await ingest(raw, [file]);
  expect(outcome).toMatchObject({ received: 3, landed: 2, dead_letter: 1, dead_letters_by_reason: { "too-large": 1 } });
  expect((await rowsOf(raw, "events")).map((row) => row["event_id"])).toEqual(["a", "c"]);
  const [letter] = await rowsOf(raw, "dead_letters");
  const [kept] = readdirSync(join(raw, ".set-aside"));
  expect(Buffer.from(String(letter?.["payload"]), "base64").toString()).toBe(`set-aside:${kept}`);
  const again = await replay(
    testContext(raw),
    { dryRun: true, reason: undefined, since: undefined, limit: undefined, mapping: undefined },
    new AbortController().signal,
  );
  expect(again).toMatchObject({ selected: 1, accepted: 0, refused: { "too-large": 1 } });
});

test("when records of control characters fill a batch then every row is smaller than what a segment takes", async () => {
  const folder = temporaryFolder();
  const raw = join(folder, "raw");
  const file = join(folder, "events.json");
  const tags = Array.from({ length: 1000 }, () => "\u0001".repeat(1900));
  writeFileSync(file, JSON.stringify([event("a", { metadata: { tags } }), event("b")]));
  const [outcome] = await ingest(raw, [file]);
  expect(outcome).toMatchObject({ received: 2, landed: 2, dead_letter: 0 });
});
