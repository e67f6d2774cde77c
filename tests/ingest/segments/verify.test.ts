import { copyFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { expect, test } from "vitest";
import { verifyLedger } from "../../../ingest/segments/verify.ts";
import { eventRecord, ingest, segmentsOf, temporaryFolder, writeLines } from "../support.ts";

async function home() {
  const folder = temporaryFolder();
  const raw = join(folder, "raw");
  const records = [...Array.from({ length: 300 }, (_, n) => eventRecord(n)), "{broken", eventRecord(5)];
  await ingest(raw, [writeLines(join(folder, "events.ndjson"), records)], { context: { batchRecords: 100 } });
  const segment = (table = "events") => join(raw, table, segmentsOf(raw, table)[0]!);
  return { raw, segment, ledger: join(raw, "ingest_ledger", "ledger.ndjson") };
}

async function rewrite(path: string, select: string): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  await connection.run("set TimeZone = 'UTC'");
  await connection.run(`create table rows as select * from '${path}'`);
  await connection.run(`copy (${select}) to '${path}' (format parquet)`);
  connection.closeSync();
  instance.closeSync();
}

const kinds = async (raw: string) => (await verifyLedger(raw)).problems.map((problem) => problem.kind);

test("when nothing was touched then the ledger is whole and its sums are the data's", async () => {
  const { raw } = await home();
  expect(await verifyLedger(raw)).toMatchObject({
    ok: true,
    received: 302,
    landed: 300,
    duplicate: 1,
    dead_letter: 1,
    rows_checked: 301,
    problems: [],
  });
});

test("when one value of one row was edited then its batch is named", async () => {
  const { raw, segment } = await home();
  await rewrite(
    segment(),
    "select * replace (case when event_id = 'e3' then false else consent end as consent) from rows",
  );
  expect((await verifyLedger(raw)).problems).toEqual([
    { kind: "content", where: expect.stringContaining("ledger line 1"), detail: "its rows are not those that landed" },
  ]);
});

test("when rows were reordered, removed or added then the batch is named", async () => {
  const { raw, segment } = await home();
  await rewrite(segment(), "select * from rows order by event_id desc");
  expect(await kinds(raw)).toEqual(["content"]);
  const second = await home();
  await rewrite(second.segment(), "select * from rows where event_id != 'e3'");
  expect(await kinds(second.raw)).toEqual(["content"]);
  const third = await home();
  await rewrite(third.segment(), "select * from rows union all select * from rows where event_id = 'e3'");
  expect(await kinds(third.raw)).toEqual(["content"]);
});

test("when a segment is torn, gone or nobody's then it is named", async () => {
  const torn = await home();
  truncateSync(torn.segment(), 500);
  expect(await kinds(torn.raw)).toEqual(["content"]);
  const extra = await home();
  copyFileSync(extra.segment(), join(extra.raw, "events", "zzz.parquet"));
  expect(await kinds(extra.raw)).toEqual(["uncounted-segment"]);
});

test("when a ledger line was edited, removed or swapped then the chain is broken there", async () => {
  const edited = await home();
  const lines = readFileSync(edited.ledger, "utf8");
  writeFileSync(edited.ledger, lines.replace('"landed":100', '"landed":101'));
  expect(await kinds(edited.raw)).toEqual(expect.arrayContaining(["chain", "sum"]));
  const cut = await home();
  const [first, , ...rest] = readFileSync(cut.ledger, "utf8").split("\n");
  writeFileSync(cut.ledger, [first, ...rest].join("\n"));
  expect(await kinds(cut.raw)).toEqual(expect.arrayContaining(["chain", "gap", "uncounted-segment"]));
});

test("when raw.ingest_ledger says something else than the log then it is named", async () => {
  const { raw, segment } = await home();
  await rewrite(segment("ingest_ledger"), "select * replace (0::bigint as landed) from rows");
  expect(await kinds(raw)).toEqual(["mirror"]);
});
