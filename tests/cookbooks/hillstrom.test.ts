// Executes docs/cookbooks/hillstrom.md on the real file and holds its figures against plain DuckDB.

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { commandsOf } from "./cookbook.ts";

const root = resolve(import.meta.dirname, "../..");
const file = resolve(root, "../shared/data/hillstrom/hillstrom.csv.gz");
const mappingOfPage = "docs/cookbooks/hillstrom.mapping.yaml";
const mapping = join(root, mappingOfPage);
const page = join(root, "docs/cookbooks/hillstrom.md");

interface Lift {
  readonly metric: string;
  readonly arm: string;
  readonly customers: number;
  readonly mean: number;
  readonly hold_out_mean: number;
  readonly difference: number;
  readonly difference_low: number;
  readonly difference_high: number;
}

describe.runIf(existsSync(file))("docs/cookbooks/hillstrom.md on ../shared/data/hillstrom", () => {
  const home = mkdtempSync(join(tmpdir(), "inboxloop-hillstrom-"));
  const run = (words: readonly string[]): unknown => {
    const out = execFileSync(
      process.execPath,
      [
        "--import",
        import.meta.resolve("tsx"),
        join(root, "cli/main.ts"),
        "--home",
        home,
        "--json",
        "--quiet",
        ...words,
      ],
      {
        cwd: home,
        encoding: "utf8",
        maxBuffer: 64 * 1024 * 1024,
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    return out.trim() ? JSON.parse(out) : undefined;
  };
  const results: unknown[] = [];

  beforeAll(() => {
    const [, declared] = /```yaml\n([\s\S]*?)```/.exec(readFileSync(page, "utf8")) ?? [];
    writeFileSync(join(home, "inboxloop.yaml"), declared ?? "");
    for (const [program, ...words] of commandsOf(page)) {
      if (program !== "inboxloop") throw new Error(`the page runs ${program}`);
      results.push(
        run(
          words
            .map((word) => (word === "$HILLSTROM" ? file : word === mappingOfPage ? mapping : word))
            .filter((word) => word !== "--json"),
        ),
      );
    }
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  test("when the file is taken in then all 64,000 customers arrive and the counts add up", () => {
    const { totals } = results[0] as { totals: Record<string, number> };
    expect(totals["received"]).toBe(
      (totals["landed"] ?? 0) + (totals["duplicate"] ?? 0) + (totals["dead_letter"] ?? 0),
    );
    const { rows } = run([
      "query",
      "select count(*) as n, count(distinct user_id_hash) as customers from raw.decisions",
    ]) as { rows: Record<string, number>[] };
    expect(rows).toEqual([{ n: 64000, customers: 64000 }]);
  });

  test("when the same file comes again then nothing changes", () => {
    const again = run(["ingest", "file", file, "--map", mapping]) as {
      totals: Record<string, number>;
    };
    expect(again.totals["landed"]).toBe(0);
  });

  test("when the lift is read then it equals plain DuckDB over the file, to the last digit", async () => {
    const { rows } = results[2] as { rows: Lift[] };
    const instance = await DuckDBInstance.create(":memory:");
    const connection = await instance.connect();
    // Sums as DECIMAL are exact; a mean is then one division of doubles, as in any engine.
    const reader = await connection.runAndReadAll(`
      select segment, count(*)::integer as customers,
        (sum(visit::bigint)::double / count(*)) as visit,
        (sum(conversion::bigint)::double / count(*)) as conversion,
        (sum(spend::decimal(18, 9))::double / count(*)) as spend
      from read_csv('${file}') group by segment`);
    const plain = new Map(reader.getRowObjectsJS().map((row) => [String(row["segment"]), row]));
    connection.closeSync();
    const segmentOf: Readonly<Record<string, string>> = { mens_email: "Mens E-Mail", womens_email: "Womens E-Mail" };
    const none = plain.get("No E-Mail");
    expect(rows).toHaveLength(6);
    for (const row of rows) {
      const arm = plain.get(segmentOf[row.arm] ?? "");
      expect(row.customers).toBe(arm?.["customers"]);
      expect(row.mean).toBe(arm?.[row.metric]);
      expect(row.hold_out_mean).toBe(none?.[row.metric]);
      expect(row.difference).toBe(row.mean - row.hold_out_mean);
      expect(row.difference_low).toBeGreaterThan(0);
      expect(row.difference_high).toBeGreaterThan(row.difference);
    }
  });

  test("when the visit model is judged on customers it never saw then its AUC is above chance for certain", () => {
    const evaluation = results.at(-1) as {
      rows: { scored: number };
      outcomes: { outcome: string; candidate: { auc: number; auc_low: number; auc_high: number } }[];
    };
    const [visit] = evaluation.outcomes;
    expect(visit?.outcome).toBe("visit");
    expect(evaluation.rows.scored).toBeGreaterThan(30_000);
    expect(visit?.candidate.auc_low).toBeGreaterThan(0.55);
    expect(visit?.candidate.auc_high).toBeLessThan(0.75);
  });
});
