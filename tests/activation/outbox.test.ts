import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { newEntry, sentSignal } from "../../activation/deliver.ts";
import { findInOutbox, forgetOutbox } from "../../activation/forget.ts";
import { openOutbox } from "../../activation/outbox.ts";
import { personId, sendTo } from "./support/stand-in.ts";

const folder = mkdtempSync(join(tmpdir(), "inboxloop-outbox-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const receiver = { name: "hook", provider: null };

test("when an entry changes its state, then it is found by the new one alone, in pages", async () => {
  const outbox = openOutbox(join(folder, "states"));
  const sends = Array.from({ length: 7 }, (_, n) => sendTo(n, n));
  const entries = sends.map((send) => ({ decision_id: send.decision_id, entry: newEntry(send, "hook", 1) }));
  await outbox.write(entries);
  const first = outbox.inState("pending", "", 3);
  expect(first.map(({ decision_id }) => decision_id)).toEqual(sends.slice(0, 3).map((one) => one.decision_id));
  expect(outbox.inState("pending", first.at(-1)!.decision_id, 10)).toHaveLength(4);
  await outbox.write(entries.slice(0, 5).map((one) => ({ ...one, entry: { ...one.entry, state: "in_doubt" } })));
  expect(outbox.inState("pending", "", 10)).toHaveLength(2);
  expect(outbox.inState("in_doubt", "", 10)).toHaveLength(5);
  await outbox.close();
});

test("when a person is forgotten, then no byte of the outbox is about them, and the others' mails are as they were", async () => {
  const path = join(folder, "forget");
  const outbox = openOutbox(path);
  const sends = Array.from({ length: 50 }, (_, n) => sendTo(n, n));
  await outbox.write(
    sends.map((send) => {
      const entry = { ...newEntry(send, "hook", 1), state: "handed_over" as const };
      return { decision_id: send.decision_id, entry, signal: sentSignal(send, receiver, null, entry) };
    }),
  );
  await outbox.close();
  const bytes = () => readFileSync(join(path, "data.mdb"));
  const who = { ids: [personId(7)], messages: [sends[7]!.message_id] };
  expect(bytes().includes(personId(7))).toBe(true);
  expect(await findInOutbox(path, who)).toBe(2);
  await forgetOutbox(path, who, () => {});
  await forgetOutbox(path, who, () => {});
  expect(await findInOutbox(path, who)).toBe(0);
  for (const text of [personId(7), sends[7]!.message_id, sends[7]!.decision_id])
    expect(bytes().includes(text)).toBe(false);
  const after = openOutbox(path);
  expect(sends.filter(({ decision_id }) => after.entry(decision_id) !== undefined)).toHaveLength(49);
  expect(after.queued(0, 100)).toHaveLength(49);
  await after.close();
});
