import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { UserError } from "../../errors/user-error.ts";
import { firstHash } from "../../platform/journal/chain.ts";
import type { JournalKind } from "../../platform/journal/journal.ts";
import { journalTable } from "../../platform/journal/journal-table.ts";
import { type DuckDbWarehouse, openDuckDbWarehouse } from "../../warehouse/duckdb/adapter.ts";

interface Note {
  readonly text: string;
}
const kind: JournalKind<Note> = {
  name: "the notes",
  parse: (body) => body as Note,
  damaged: (where, what) => new UserError(what, { code: "notes.damaged", exit: "check", where }),
};

let warehouse: DuckDbWarehouse;
beforeAll(async () => {
  warehouse = await openDuckDbWarehouse({ path: ":memory:" });
});
afterAll(() => warehouse.close());
beforeEach(() => warehouse.execute("drop table if exists ops.notes").catch(() => undefined));

const open = () => journalTable<Note>(async () => warehouse, "ops.notes", kind);
async function three(): Promise<string> {
  let seen = firstHash;
  for (const text of ["a'b", "b\nc", "c"]) {
    const outcome = await open().append([{ text }], seen);
    if (outcome.kind === "appended") seen = outcome.entries[0]!.entry_hash;
  }
  return seen;
}

test("when entries are appended then they are read back as a chain", async () => {
  const head = await three();
  const state = await open().read();
  expect(state.head).toBe(head);
  expect(state.entries.map(({ text }) => text)).toEqual(["a'b", "b\nc", "c"]);
});

test("when the head has moved on then nothing is appended and the last entry is told", async () => {
  await three();
  const outcome = await open().append([{ text: "late" }], firstHash);
  expect(outcome).toMatchObject({ kind: "moved-on", last: { text: "c" } });
  expect((await open().read()).entries).toHaveLength(3);
});

test("when two look at the same head and write one after the other then the second writes nothing", async () => {
  const head = await three();
  // The second has read before the first writes: its MERGE finds another head.
  const slow = journalTable<Note>(
    async () => ({
      query: (sql, options) => warehouse.query(sql, options),
      execute: async (sql, options) => {
        if (sql.startsWith("merge")) await open().append([{ text: "first" }], head);
        return warehouse.execute(sql, options);
      },
    }),
    "ops.notes",
    kind,
  );
  expect(await slow.append([{ text: "second" }], head)).toMatchObject({ kind: "moved-on", last: { text: "first" } });
  expect((await open().read()).entries.map(({ text }) => text)).toEqual(["a'b", "b\nc", "c", "first"]);
});

test.each([
  ["an entry was edited", "update ops.notes set entry = replace(entry, 'c\"', 'd\"') where sequence = 2"],
  ["an entry is gone", "delete from ops.notes where sequence = 1"],
  ["the tail is gone", "delete from ops.notes where sequence = 2"],
])("when %s then reading says so", async (_what, sql) => {
  await three();
  await warehouse.execute(sql);
  await expect(open().read()).rejects.toMatchObject({ code: "notes.damaged" });
});
