import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "inboxloop-docs-"));
afterAll(() => rmSync(folder, { recursive: true }));

function inboxloop(...words: string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      "--import",
      import.meta.resolve("tsx"),
      join(root, "cli/main.ts"),
      "--home",
      join(folder, "home"),
      "--quiet",
      ...words,
    ],
    { cwd: root, encoding: "utf8" },
  );
  return { status, stdout, stderr };
}

test("when somebody asks for a table, then its card says what it is, and how fresh it is here once it is built", () => {
  const misspelt = inboxloop("docs", "labels.votters");
  expect(misspelt.status).toBe(2);
  expect(misspelt.stderr).toContain("Did you mean labels.voters or");
  expect(misspelt.stderr).toContain("inboxloop docs labels.voters");

  const card = inboxloop("docs", "stg_raw__human_labels").stdout;
  expect(card).toContain("grain:      message_id, labelled_by");
  expect(card).toContain("owner:      data engineering");
  expect(card).toContain("not built here yet");

  writeFileSync(
    join(folder, "labels.ndjson"),
    JSON.stringify({
      table: "human_labels",
      message_id: "m1",
      label: "clicked",
      labelled_by: "ann",
      labelled_at: "2026-02-01T00:00:00Z",
    }),
  );
  expect(inboxloop("ingest", "file", join(folder, "labels.ndjson")).status).toBe(0);
  const told = JSON.parse(inboxloop("docs", "raw.human_labels", "--json").stdout) as {
    freshness: { rows: number; by: string; newest: string };
    columns: { name: string; role: string; type: string }[];
  };
  expect(told.freshness).toMatchObject({ rows: 1, by: "received_at" });
  expect(told.columns.find(({ name }) => name === "message_id")).toMatchObject({ role: "id", type: "STRING" });
});

test("when no table is named, then all are listed with their grain", () => {
  const { tables } = JSON.parse(inboxloop("docs", "--json").stdout) as {
    tables: { table: string; grain: string | null }[];
  };
  expect(tables.find(({ table }) => table === "training.examples")?.grain).toBe("message_id");
  expect(tables.length).toBeGreaterThan(60);
});
