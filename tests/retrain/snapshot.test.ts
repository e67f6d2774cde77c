import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { SnapshotEnv } from "../../retrain/snapshot/snapshot.ts";
import { createSnapshot, findSnapshot, listSnapshots, snapshotFiles } from "../../retrain/snapshot/snapshot.ts";
import { verifySnapshot } from "../../retrain/snapshot/verify-snapshot.ts";
import { fillExamples } from "./support/examples.ts";
import { type PlainWarehouse, plainWarehouse } from "./support/plain-duckdb.ts";

let warehouse: PlainWarehouse;
let folder: string;
let env: SnapshotEnv;
beforeAll(async () => {
  warehouse = await plainWarehouse();
});
afterAll(() => warehouse.close());
beforeEach(async () => {
  await fillExamples(warehouse, 600);
  folder = await mkdtemp(join(tmpdir(), "inboxloop-snapshot-"));
  env = { warehouse, snapshots: folder, now: () => new Date("2026-03-01T00:00:00Z") };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const created = async (request: Parameters<typeof createSnapshot>[1] = {}) => {
  const made = await createSnapshot(env, request);
  if (made.kind === "planned") throw new Error("planned");
  return made;
};

describe("snapshot", () => {
  test("when made twice, then the digest is the same and there is one copy", async () => {
    const first = await created({ name: "first" });
    const second = await created({ name: "again" });
    expect([first.kind, second.kind]).toEqual(["created", "already-there"]);
    expect(second.lock).toEqual(first.lock);
    expect((await readdir(folder)).sort()).toEqual([first.id, "names"].sort());
    expect((await findSnapshot(folder, "again")).id).toBe(first.id);
  });

  test("when the rows of the table are stored in another order, then it is the same snapshot", async () => {
    const first = await created();
    await warehouse.run(
      "create or replace table training.examples as select * from training.examples order by hash(message_id)",
    );
    expect((await created()).kind).toBe("already-there");
    expect(await listSnapshots(folder)).toHaveLength(1);
    expect((await verifySnapshot(first)).verdict).toBe("pass");
  });

  test("when one cell of the table changes, then it is another snapshot", async () => {
    const first = await created();
    await warehouse.run("update training.examples set opens_7d = opens_7d + 1 where message_id = 'm00000002'");
    const second = await created();
    expect(second.kind).toBe("created");
    expect(second.id).not.toBe(first.id);
  });

  test("when rows are not mature or not consented, then they stay out", async () => {
    const { lock } = await created();
    const { rows } = await warehouse.query(
      "select count(*) as n from training.examples where is_mature and has_training_consent",
    );
    expect(lock.lock.rows + lock.lock.split!.left_out).toBe(Number(rows[0]?.["n"]));
    expect(Number(rows[0]?.["n"])).toBeLessThan(600);
  });

  test("when as-of is given, then only messages whose window had closed are in", async () => {
    const { lock } = await created({ asOf: new Date("2026-01-20T00:00:00Z") });
    const { rows } = await warehouse.query(
      "select count(*) as n from training.examples where is_mature and has_training_consent and sent_at <= timestamp '2026-01-13 00:00:00'",
    );
    expect(lock.lock.rows + lock.lock.split!.left_out).toBe(Number(rows[0]?.["n"]));
    expect(lock.spec.as_of).toBe("2026-01-20T00:00:00.000Z");
  });

  test("when sampled, then each stratum keeps its share and the same rows come again", async () => {
    const first = await created({ sampleRows: 200 });
    expect(first.lock.lock.rows).toBeGreaterThan(150);
    expect(first.lock.lock.rows).toBeLessThanOrEqual(240);
    expect((await created({ sampleRows: 200 })).kind).toBe("already-there");
  });

  test("when nothing qualifies, then it says so and leaves nothing behind", async () => {
    await expect(createSnapshot(env, { asOf: new Date("2020-01-01") })).rejects.toMatchObject({
      code: "snapshot.empty",
      exitCode: 4,
    });
    expect(await readdir(folder)).toEqual([]);
  });

  test("when a user id is an address, then the snapshot is refused", async () => {
    await warehouse.run("update training.examples set user_id_hash = 'a@b.example' where message_id = 'm00000003'");
    await expect(createSnapshot(env)).rejects.toMatchObject({ code: "snapshot.raw-address" });
  });

  test("when the table changes between digest and export, then no snapshot is kept", async () => {
    const moving: SnapshotEnv = {
      ...env,
      warehouse: {
        ...warehouse,
        exportParquet: async (sql, path) => {
          await warehouse.run("update training.examples set revenue = revenue + 1");
          return warehouse.exportParquet(sql, path);
        },
      },
    };
    await expect(createSnapshot(moving)).rejects.toMatchObject({ code: "snapshot.moved" });
    expect(await readdir(folder)).toEqual([]);
  });

  test("when the export is interrupted, then the next run finds no half snapshot", async () => {
    const dying: SnapshotEnv = {
      ...env,
      warehouse: {
        ...warehouse,
        exportParquet: async (_sql, path) => {
          await writeFile(path, "half a file");
          throw new Error("killed");
        },
      },
    };
    await expect(createSnapshot(dying)).rejects.toThrow("killed");
    expect(await listSnapshots(folder)).toEqual([]);
    expect((await created()).kind).toBe("created");
  });

  test("when a file's bytes are edited, then verify fails and names it", async () => {
    const snapshot = await created();
    const file = snapshotFiles(snapshot)[0] as string;
    const bytes = await readFile(file);
    const at = Math.floor(bytes.length / 2);
    bytes[at] = (bytes[at] as number) ^ 0xff;
    await writeFile(file, bytes);
    const verdict = await verifySnapshot(snapshot);
    expect(verdict.verdict).toBe("fail");
    expect(verdict.changedFiles).toEqual(["part-00000.parquet"]);
  });

  test("when a dry run is asked, then only the plan comes back", async () => {
    const plan = await createSnapshot(env, { dryRun: true });
    expect(plan.kind).toBe("planned");
    expect(await readdir(folder)).toEqual([]);
  });

  test("when a reference fits nothing, then the error says what to try", async () => {
    await expect(findSnapshot(folder, "nope")).rejects.toMatchObject({ code: "snapshot.unknown", exitCode: 2 });
  });
});
