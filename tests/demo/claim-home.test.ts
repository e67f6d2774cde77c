import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Environment } from "../../cli/environment.ts";
import { claimHome } from "../../demo/claim-home.ts";
import { homeAt } from "../../platform/home.ts";

let folder: string;
let projectDir: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "inboxloop-demo-home-"));
  projectDir = join(folder, "project");
  await mkdir(join(projectDir, "definitions"), { recursive: true });
  await writeFile(
    join(projectDir, "dataform.json"),
    '{ "warehouse": "bigquery", "defaultDatabase": "p", "defaultSchema": "d", "defaultLocation": "EU" }',
  );
  await writeFile(join(projectDir, "definitions/a.sqlx"), "select 1 as x");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const claim = (more: { readonly seed?: number; readonly events?: number } = {}) =>
  claimHome({ home: homeAt(join(folder, "home")) } as Environment, { seed: 7, events: 3000, projectDir, ...more });

test("when the same demo is started again then it goes on; with another seed, size or models it is refused", async () => {
  await claim();
  await mkdir(join(folder, "home/raw"), { recursive: true });
  await claim();
  await expect(claim({ seed: 8 })).rejects.toMatchObject({ code: "demo.other-home", message: /seed 7/ });
  await expect(claim({ events: 4000 })).rejects.toMatchObject({ code: "demo.other-home", message: /3,000 events/ });
  await writeFile(join(projectDir, "definitions/a.sqlx"), "select 2 as x");
  await expect(claim()).rejects.toMatchObject({ code: "demo.other-home", message: /other models/ });
});

test.each(["raw", "models", "warehouse.duckdb"])(
  "when a home has %s that no demo began then nothing simulated is mixed into it",
  async (there) => {
    await mkdir(join(folder, "home", there), { recursive: true });
    await expect(claim()).rejects.toMatchObject({ code: "demo.other-home", exit: "usage" });
  },
);
