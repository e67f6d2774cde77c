import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { mixed, type QueuedMessage } from "../../../console/labels/review-queue.ts";
import { labelsOf, messagesIn, ReviewSession } from "../../../console/labels/review-session.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "inboxloop-review-"));
  path = join(folder, "one.ndjson");
});
afterEach(() => rmSync(folder, { recursive: true }));

const now = () => new Date("2026-03-01T00:00:00Z");
const queue: readonly QueuedMessage[] = [
  { message_id: "m1", origin: "uncertain" },
  { message_id: "m2", origin: "random" },
  { message_id: "m3", origin: "second" },
];
const said = () => labelsOf(path, "ann").map(({ message_id, label, note }) => [message_id, label, note]);

describe("a review", () => {
  test("when messages are labelled, skipped and taken back, then what stands is what lands", () => {
    const session = ReviewSession.open(path, queue, now);
    session.label("clicked");
    session.skip();
    session.label("opened");
    expect(session.current).toBeUndefined();
    expect(session.undo()).toBe(true);
    expect(session.current?.message_id).toBe("m3");
    session.label("no_engagement");
    session.close();
    expect(said()).toEqual([
      ["m1", "clicked", "review: uncertain"],
      ["m3", "no_engagement", "review: second"],
    ]);
    expect(labelsOf(path, "ann")[0]).toMatchObject({
      table: "human_labels",
      labelled_by: "ann",
      labelled_at: "2026-03-01T00:00:00.000Z",
    });
  });

  test("when the session was killed in the middle of a line, then it goes on after the last whole one, and can undo what was before", () => {
    const first = ReviewSession.open(path, queue, now);
    first.label("clicked");
    first.skip();
    first.close();
    appendFileSync(path, '{"act":"label","message_id":"m3","ori');
    const again = ReviewSession.open(path, queue, now);
    expect(again.progress).toEqual({ labelled: 1, skipped: 1, left: 1 });
    expect(again.current?.message_id).toBe("m3");
    again.undo();
    again.undo();
    expect(again.undo()).toBe(false);
    again.label("opened");
    again.close();
    expect(said()).toEqual([["m1", "opened", "review: uncertain"]]);
    expect(
      readFileSync(path, "utf8")
        .split("\n")
        .filter((line) => line !== ""),
    ).toHaveLength(5);
    expect(messagesIn(path).map(({ message_id }) => message_id)).toEqual(["m1", "m2", "m1"]);
  });

  test("when a class is none of ours, then it is refused and nothing changes", () => {
    const session = ReviewSession.open(path, queue, now);
    expect(() => session.label("garbage")).toThrow(/"garbage" is no class/);
    expect(session.current?.message_id).toBe("m1");
    session.close();
    expect(said()).toEqual([]);
  });

  test("when a line was edited to say something else, then it is named", () => {
    appendFileSync(path, '{"act":"label","message_id":7}\n');
    expect(() => ReviewSession.open(path, queue, now)).toThrow(/not a line of a review/);
  });
});

describe("the queue", () => {
  const pool = (prefix: string, n: number) => Array.from({ length: n }, (_, i) => `${prefix}${i}`);
  const shares = { rows: 20, randomShare: 0.2, secondShare: 0.1 };
  const counts = (list: readonly QueuedMessage[]) =>
    Object.fromEntries(
      ["uncertain", "random", "second"].map((one) => [one, list.filter(({ origin }) => origin === one).length]),
    );

  test("when there are enough of each, then every beginning of it has about its shares", () => {
    const list = mixed({ uncertain: pool("u", 40), random: pool("r", 40), second: pool("s", 40) }, shares);
    expect(counts(list)).toEqual({ uncertain: 14, random: 4, second: 2 });
    expect(counts(list.slice(0, 10))).toEqual({ uncertain: 7, random: 2, second: 1 });
    expect(list.slice(0, 2).map(({ message_id }) => message_id)).toContain("u0");
  });

  test("when chance picks what is uncertain as well, then it is asked once", () => {
    const list = mixed({ uncertain: pool("m", 12), random: pool("m", 12), second: [] }, shares);
    expect(new Set(list.map(({ message_id }) => message_id)).size).toBe(list.length);
    expect(list).toHaveLength(12);
  });

  test("when nobody has labelled anything, then the others take that share", () => {
    const list = mixed({ uncertain: pool("u", 40), random: pool("r", 40), second: [] }, shares);
    expect(list).toHaveLength(20);
    expect(counts(list)["random"]).toBeGreaterThanOrEqual(4);
  });
});
