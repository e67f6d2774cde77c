// Executes docs/cookbooks/your-own-project.md on a project with the shapes that other people's projects have.

import { execFileSync } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { commandsOf } from "./cookbook.ts";

// Each command is a process of its own; on a busy machine these take their time.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const root = resolve(import.meta.dirname, "../..");
const commands = [...commandsOf(join(root, "docs/cookbooks/your-own-project.md"))];
let folder: string;
let project: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "inboxloop-own-project-"));
  project = join(folder, "library");
  await cp(join(root, "tests/warehouse/dataform/fixtures/library"), project, { recursive: true });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function run(words: readonly string[], wanted = 0): unknown {
  const entry = ["--import", import.meta.resolve("tsx"), join(root, "cli/main.ts")];
  const args = [...entry, "--home", join(folder, "home"), "--json", "--quiet", ...words];
  try {
    const out = execFileSync(process.execPath, args, {
      cwd: project,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
    expect(wanted).toBe(0);
    return JSON.parse(out);
  } catch (error) {
    const { status, stdout, stderr } = error as { status?: number; stdout?: string; stderr?: string };
    if (status === undefined || status !== wanted)
      throw new Error(`${words.join(" ")}: exit ${status}\n${stderr ?? error}`);
    return JSON.parse(stdout ?? "null");
  }
}

/** The page's next command, which has to begin with these words. */
function next(...begin: readonly string[]): readonly string[] {
  const [program, ...words] = commands.shift() ?? [];
  expect([program, ...words.slice(0, begin.length)]).toEqual(["inboxloop", ...begin]);
  return words;
}

describe("docs/cookbooks/your-own-project.md", () => {
  test("when the page is followed, every command does what it says", async () => {
    const { changes } = run(next("plan")) as { changes: readonly { id: string; kind: string }[] };
    expect(changes.map((change) => change.kind)).toEqual(changes.map(() => "added"));
    expect(changes.map((change) => change.id)).toContain("library_dev.lib_members");

    const built = run(next("build")) as {
      isGood: boolean;
      actions: readonly { id: string; outcome: string; rows?: number }[];
      leftOut: readonly unknown[];
    };
    expect(Object.fromEntries(built.actions.map(({ id, outcome, rows }) => [id, [outcome, rows ?? null]]))).toEqual({
      "library_dev.lib_stg_loans": ["done", null],
      "library_checks_dev.lib_library_stg_loans_assertions_rowConditions": ["done", 0],
      "library_checks_dev.lib_library_stg_loans_assertions_uniqueKey_0": ["done", 0],
      "library_checks_dev.lib_no_loan_of_a_book_that_is_not_there": ["violated", 1],
      "library_dev.lib_loans_daily": ["done", 3],
      "library_dev.lib_members": ["done", 2],
      "library_dev.lib_books_adult": ["done", 1],
      "library_dev.lib_books_child": ["done", 1],
      "library_dev.lib_branches": ["done", 3],
      "library_dev.lib_last_refresh": ["done", 1],
    });
    expect(built.isGood).toBe(true);
    expect(built.leftOut).toEqual([
      {
        id: "library_dev.lib_report",
        file: "definitions/notebooks/report.ipynb",
        why: "a notebook runs on Google Cloud only",
      },
    ]);
    expect((run(next("query")) as { rows: unknown }).rows).toEqual([
      { branch_id: "east", loans: null },
      { branch_id: "north", loans: 2 },
      { branch_id: "south", loans: 1 },
    ]);

    // The notebook is no model of this engine, so the certificate is not whole.
    const { counts } = run(next("parity"), 4) as { counts: Record<string, number> };
    expect(counts).toEqual({ verified: 10, served: 0, refused: 1, invalid: 0, unknown: 0 });
    const [branch] = run(next("lineage")) as readonly { upstream: readonly { table: string; column: string }[] }[];
    expect(branch!.upstream.map(({ table, column }) => `${table}.${column}`)).toContain(
      "library_dev.lib_loans_daily.loans",
    );

    expect(run(next("test", "new"))).toMatchObject({ expectedRows: 3, typesOf: ["branch_system.loans"] });
    expect(run(next("test"))).toMatchObject({ passed: 1, failed: 0 });
  });

  test("when a file of rows grows, the next build takes it in: a partition is replaced, a member merged, a protected table kept", async () => {
    const rows = join(project, "sources/branch_system.loans.ndjson");
    const more = { loan_id: 5, member_id: "m1", book: { isbn: "222" }, branch_id: "south", lent_on: "2026-01-03" };
    await writeFile(rows, `${await readFile(rows, "utf8")}${JSON.stringify(more)}\n`);
    run(["build", "--sources", "sources"]);
    const read = (sql: string) => (run(["query", sql]) as { rows: unknown }).rows;
    expect(read("select lent_on, loans from library_dev.lib_loans_daily where lent_on is not null order by 1")).toEqual(
      [
        { lent_on: "2026-01-01", loans: 1 },
        { lent_on: "2026-01-02", loans: 1 },
        { lent_on: "2026-01-03", loans: 2 },
      ],
    );
    expect(read("select member_id, loans from library_dev.lib_members order by 1")).toEqual([
      { member_id: "m1", loans: 3 },
      { member_id: "m2", loans: 1 },
    ]);
    run(["query", "insert into library_dev.lib_members values ('ghost', 0, null)"]);
    run(["build", "--sources", "sources", "--full-refresh"]);
    expect(read("select member_id from library_dev.lib_members order by 1")).toEqual([
      { member_id: "ghost" },
      { member_id: "m1" },
      { member_id: "m2" },
    ]);
  });

  test("when a model is edited, the plan says which rows and columns would differ, and that a column goes is breaking", async () => {
    const file = join(project, "definitions/marts/branches.sqlx");
    const before = await readFile(file, "utf8");
    await writeFile(
      file,
      before
        .replace("from `lending.estates.branches`", "from `lending.estates.branches`")
        .replace("sum(d.loans) as loans", "coalesce(sum(d.loans), 0) as loans"),
    );
    const words = next("plan");
    const changeOf = (result: unknown) =>
      (result as { changes: readonly { id: string }[] }).changes.find(
        (change) => change.id === "library_dev.lib_branches",
      );
    expect(changeOf(run(words))).toMatchObject({
      kind: "changed",
      isBreaking: false,
      touches: ["library_dev.lib_last_refresh"],
      columns: [],
      rows: { before: 3, after: 3, gone: 1, come: 1 },
    });
    await writeFile(file, before.replace("b.name, sum", "sum").replace("b.branch_id, b.name\n", "b.branch_id\n"));
    expect(changeOf(run([...words, "--fail-on-breaking"], 4))).toMatchObject({
      isBreaking: true,
      columns: [{ name: "name", before: "STRING" }],
    });
    expect(commands).toEqual([]);
  });
});
