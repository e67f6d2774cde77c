import { join } from "node:path";
import { expect, test } from "vitest";
import policies from "../../../includes/policies.js";
import { prepareRawTables } from "../../../ingest/bigquery/raw-tables.ts";
import { compileProject } from "../../../warehouse/dataform/compile.ts";
import { lineageOf } from "../../../warehouse/dataform/lineage.ts";
import { columnsOfTarget, readDeclaredColumns } from "../../../warehouse/dataform/testing/declared-columns.ts";
import { temporaryFolder } from "../../ingest/support.ts";

test("when raw tables are made in BigQuery then partitions go by the policy, but none of what stops mail", async () => {
  const said: string[] = [];
  await prepareRawTables(
    {
      columns: async () => undefined,
      execute: async (sql: string) => {
        said.push(sql);
      },
    } as never,
    "raw",
  );
  const of = (table: string) => said.find((sql) => sql.includes(`\`raw.${table}\``)) ?? "";
  expect(of("decisions")).toMatch(/partition by date\(received_at\) options \(partition_expiration_days = 1095\)$/);
  expect(of("dead_letters")).toContain("partition_expiration_days = 180");
  for (const table of ["events", "consents", "suppressions", "identity_links", "erased_ids", "profiles"])
    expect(of(table), table).not.toContain("expiration");
});

test("when a model's partitions expire then nothing that says who may be reached is made of it", async () => {
  const projectDir = join(import.meta.dirname, "../../..");
  const { graph } = await compileProject({ projectDir, cacheDir: temporaryFolder() });
  const declared = await readDeclaredColumns(projectDir);
  const lineage = await lineageOf(graph, { columnsOf: async (target) => columnsOfTarget(declared, target) });
  const expiring = graph.actions.filter((action) => "storage" in action && action.storage.partitionExpirationDays);
  expect(expiring.map(({ id }) => id)).toEqual(["training.examples"]);
  const from = expiring.flatMap(({ id }) => lineage.select(id, { rows: true }));
  const reached = [...lineage.reached(from).keys()].map((name) => name.split(".").slice(0, 2).join("."));
  expect(reached.filter((table) => /^(governance|identity|features|events)\./.test(table))).toEqual([]);
  expect(policies.partitionDays("events")).toBeNull();
});
