import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { UserError } from "../../errors/user-error.ts";
import { anchorOf, brokenAnchor, parseAnchors } from "../../platform/journal/anchor.ts";
import { firstHash, seal } from "../../platform/journal/chain.ts";
import type { Journal, JournalKind } from "../../platform/journal/journal.ts";
import { journalFile } from "../../platform/journal/journal-file.ts";

interface Note {
  readonly text: string;
}

const kind: JournalKind<Note> = {
  name: "the notes",
  parse: (body) => {
    if (typeof (body as Note).text !== "string") throw new Error("text is missing");
    return body as Note;
  },
  damaged: (where, what) => new UserError(what, { code: "notes.damaged", exit: "check", where }),
};

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "inboxloop-journal-"));
  path = join(folder, "notes.ndjson");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const open = (): Journal<Note> =>
  journalFile(path, kind, {
    pid: process.pid,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    patienceMs: 5_000,
  });
const three = async () => {
  let seen = firstHash;
  for (const text of ["a", "b", "c"]) {
    const outcome = await open().append([{ text }], seen);
    if (outcome.kind === "appended") seen = outcome.entries[0]!.entry_hash;
  }
  return seen;
};

describe("a journal", () => {
  test("when entries are appended, then each follows the one before and all are read back", async () => {
    const head = await three();
    const state = await open().read();
    expect(state.head).toBe(head);
    expect(state.entries.map(({ sequence, text }) => [sequence, text])).toEqual([[0, "a"], [1, "b"], [2, "c"]]); // biome-ignore format: a table
    expect(state.entries.map((e) => e.previous_hash)).toEqual([firstHash, ...state.entries.slice(0, 2).map((e) => e.entry_hash)]); // biome-ignore format: a table
  });

  test("when many append on the same head, then one succeeds and the others are told who was first", async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 12 }, (_, i) => open().append([{ text: `${i}` }], firstHash)),
    );
    expect(outcomes.filter(({ kind }) => kind === "appended")).toHaveLength(1);
    const { entries } = await open().read();
    expect(entries).toHaveLength(1);
    for (const outcome of outcomes) if (outcome.kind === "moved-on") expect(outcome.last).toEqual(entries[0]);
  });

  test("when any byte of it is changed, then reading says so", async () => {
    await three();
    const bytes = await readFile(path);
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, by) => {
        const changed = Buffer.from(bytes);
        changed[at] = changed[at]! ^ by;
        await writeFile(path, changed);
        // A line end that went makes a torn line of the last entry, which never counted; nothing else may pass.
        const state = await open()
          .read()
          .catch((error: unknown) => error);
        if (at === bytes.length - 1) return;
        expect(state).toMatchObject({ code: "notes.damaged" });
      }),
      { numRuns: 200, seed: 7 },
    );
  });

  test("when entries are removed, moved or added by hand, then reading names the line", async () => {
    await three();
    const lines = (await readFile(path, "utf8")).trimEnd().split("\n") as [string, string, string];
    const forged = JSON.stringify(seal({ text: "d" }, 3, "f".repeat(64)));
    for (const [changed, line] of [
      [[lines[0], lines[2]], 2],
      [[lines[1], lines[0], lines[2]], 1],
      [[...lines, forged], 4],
      [[...lines, '{"text":1}'], 4],
    ] as const) {
      await writeFile(path, `${changed.join("\n")}\n`);
      await expect(open().read()).rejects.toMatchObject({ code: "notes.damaged", where: `${path}:${line}` });
    }
  });

  test("when its last line was cut off by a crash, then the next entry follows the whole ones", async () => {
    const head = await three();
    await appendFile(path, '{"text":"never count');
    expect((await open().read()).head).toBe(head);
    expect((await open().append([{ text: "d" }], head)).kind).toBe("appended");
    expect((await open().read()).entries.map(({ text }) => text)).toEqual(["a", "b", "c", "d"]);
  });

  test("when its tail is cut or it is written anew, then an anchor finds it, and growth it lets pass", async () => {
    await three();
    const anchor = anchorOf(kind.name, await open().read(), new Date("2026-03-01T00:00:00Z"));
    const [read] = parseAnchors(`${JSON.stringify(anchor)}\n`, kind.name, "anchors");
    expect(read).toEqual(anchor);
    expect(brokenAnchor(anchor, await open().read())).toBeUndefined();
    await open().append([{ text: "d" }], anchor.head_hash);
    expect(brokenAnchor(anchor, await open().read())).toBeUndefined();

    const lines = (await readFile(path, "utf8")).split("\n");
    await writeFile(path, `${lines.slice(0, 2).join("\n")}\n`);
    expect(brokenAnchor(anchor, await open().read())).toMatch(/tail was cut: it had 3 entries .* has 2/);

    await rm(path);
    let seen = firstHash;
    for (const text of ["a", "b", "forged", "d"]) {
      const outcome = await open().append([{ text }], seen);
      if (outcome.kind === "appended") seen = outcome.entries[0]!.entry_hash;
    }
    expect(brokenAnchor(anchor, await open().read())).toMatch(/written anew: entry 3/);
  });

  test("when an anchor's file holds something else, then the error names the line", () => {
    expect(() => parseAnchors("{}", kind.name, "anchors")).toThrowError(/not an anchor/);
  });
});
