import { mkdirSync, mkdtempSync, renameSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import type { IngestSummary } from "../../../cli/commands/ingest/render.ts";
import { eventRecord } from "../../ingest/support.ts";
import { runIn } from "../support/in-process.ts";

const lines = (...numbers: readonly number[]) => numbers.map((n) => `${JSON.stringify(eventRecord(n))}\n`).join("");
const ingest = async (cwd: string, ...words: readonly string[]) =>
  JSON.parse(await runIn(cwd, ["--home", join(cwd, "home"), "--json", "ingest", "file", ...words])) as IngestSummary;
const told = ({ files }: IngestSummary, folder: string) =>
  files.map(({ path, state, landed }) => [path.slice(folder.length + 1), state, landed]);

test("when a folder is given then its files and those of its folders land, each once, and a second run finds what has come since", async () => {
  const cwd = mkdtempSync(join(tmpdir(), "inboxloop-folder-"));
  const folder = join(cwd, "exports");
  mkdirSync(join(folder, "2026", "02"), { recursive: true });
  mkdirSync(join(folder, ".partial"));
  writeFileSync(join(folder, "b.ndjson"), lines(1, 2));
  writeFileSync(join(folder, "2026", "02", "a.JSONL.gz"), gzipSync(lines(3)));
  writeFileSync(join(folder, ".partial", "c.ndjson"), lines(4));
  writeFileSync(join(folder, "empty.ndjson"), "");
  writeFileSync(join(folder, "README.md"), "what lies here");
  const first = await ingest(cwd, "exports");
  expect(told(first, folder)).toEqual([
    ["2026/02/a.JSONL.gz", "ingested", 1],
    ["b.ndjson", "ingested", 2],
  ]);

  renameSync(join(folder, "b.ndjson"), join(folder, "2026", "b-renamed.ndjson"));
  writeFileSync(join(folder, "d.ndjson"), lines(5, 1));
  const second = await ingest(cwd, "exports", join(folder, "d.ndjson"));
  expect(told(second, folder)).toEqual([
    ["2026/02/a.JSONL.gz", "already-ingested", 0],
    ["2026/b-renamed.ndjson", "already-ingested", 0],
    ["d.ndjson", "ingested", 1],
  ]);
  expect(second.totals).toMatchObject({ received: 2, landed: 1, duplicate: 1 });
});

test("when a folder has columns then they are read with a mapping only, and a folder of nothing says what would be read", async () => {
  const cwd = mkdtempSync(join(tmpdir(), "inboxloop-folder-"));
  mkdirSync(join(cwd, "csv"));
  writeFileSync(
    join(cwd, "csv", "x_Sent.csv"),
    "JobID,ListID,BatchID,SubscriberID,SubscriberKey,EventDate\n1,1,1,1,k,7/1/2025 8:05:11 AM\n",
  );
  await expect(ingest(cwd, "csv")).rejects.toThrow("with --map also columns");
  const mapped = await ingest(cwd, "csv", "--map", "salesforce-marketing-cloud");
  expect(mapped.totals.landed).toBe(1);
});

test("when a run has more files than a screen then the table names what was new and counts the rest", async () => {
  const cwd = mkdtempSync(join(tmpdir(), "inboxloop-folder-"));
  mkdirSync(join(cwd, "many"));
  for (let n = 0; n < 42; n++) writeFileSync(join(cwd, "many", `${String(n).padStart(2, "0")}.ndjson`), lines(n + 1));
  const shown = await runIn(cwd, ["--home", join(cwd, "home"), "ingest", "file", "many"]);
  expect(shown).toContain("and 2 more files (--json lists them)");
  expect(shown).toContain("39.ndjson");
  expect(shown).not.toContain("41.ndjson");
  expect(shown).toContain("received 42 = landed 42");
});
