import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  type CreatedSnapshot,
  createSnapshot,
  type SnapshotRequest,
  snapshotFiles,
} from "../../retrain/snapshot/snapshot.ts";
import { cutOf, defaultSplit, splitOf } from "../../retrain/snapshot/split.ts";
import { verifySnapshot } from "../../retrain/snapshot/verify-snapshot.ts";
import { readParquetTable } from "../../warehouse/duckdb/read-parquet.ts";
import { fillExamples } from "./support/examples.ts";
import { type PlainWarehouse, plainWarehouse } from "./support/plain-duckdb.ts";

type Made = Extract<CreatedSnapshot, { kind: "created" | "already-there" }>;

let warehouse: PlainWarehouse;
let folder: string;
beforeAll(async () => {
  warehouse = await plainWarehouse();
});
afterAll(() => warehouse.close());
beforeEach(async () => {
  // Two sends a person, five and a half weeks apart; machines read along in every third inbox.
  await fillExamples(warehouse, 4_000);
  await warehouse.run(
    "create or replace table training.examples as select * replace ('sha256:' || md5('u' || cast(right(message_id, 8) as int) % 1500) as user_id_hash, cast(right(message_id, 8) as bigint) % 3 as summary_views_90d, 0::bigint as machine_opens_90d, 0::bigint as machine_clicks_90d), message_id < 'm00003900' as is_trusted from training.examples",
  );
  folder = await mkdtemp(join(tmpdir(), "inboxloop-split-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function made(request: SnapshotRequest = {}): Promise<Made> {
  const found = await createSnapshot({ warehouse, snapshots: folder, now: () => new Date("2026-03-10") }, request);
  if (found.kind === "planned") throw new Error("planned");
  return found;
}

async function rowsOf(snapshot: Made) {
  const table = await readParquetTable(
    snapshotFiles(snapshot),
    { message_id: "text", user_id_hash: "text", sent_at: "seconds", split: "text", isp: "text" },
    ["message_id"],
    snapshot.lock.lock.rows,
  );
  const at = table.numbers("sent_at");
  return table.texts("message_id").map((id, i) => ({
    id,
    person: table.texts("user_id_hash")[i]!,
    sentAt: 1000 * at[i]!,
    side: table.texts("split")[i]!,
    isp: table.texts("isp")[i]!,
  }));
}
const of = (rows: Awaited<ReturnType<typeof rowsOf>>, side: string) => rows.filter((row) => row.side === side);
const people = (rows: Awaited<ReturnType<typeof rowsOf>>) => new Set(rows.map(({ person }) => person));

describe("a snapshot's sides", () => {
  test("when it is made, then nobody is on both, what judges is later, and the lock says how many are where", async () => {
    const snapshot = await made();
    const rows = await rowsOf(snapshot);
    const [learn, validate] = [of(rows, "learn"), of(rows, "validate")];
    expect(learn.length + validate.length).toBe(rows.length);
    const heldOut = people(validate);
    expect([...people(learn)].filter((person) => heldOut.has(person))).toEqual([]);
    expect(Math.max(...learn.map(({ sentAt }) => sentAt))).toBeLessThan(
      Math.min(...validate.map(({ sentAt }) => sentAt)),
    );
    const { lock, spec } = splitOf(snapshot.lock, "");
    expect([lock.learn, lock.validate]).toEqual([learn.length, validate.length]);
    expect(spec).toEqual(defaultSplit);
    const [all] = (
      await warehouse.query(
        `select count(*) as n, count(*) filter (sent_at >= timestamp '${lock.cut!.slice(0, 19)}') as late from training.examples where is_mature and has_training_consent`,
      )
    ).rows;
    expect(lock.learn + lock.validate + lock.left_out).toBe(Number(all!["n"]));
    // An hour has three sends.
    expect(Number(all!["late"]) / Number(all!["n"])).toBeGreaterThan(0.245);
    expect(Number(all!["late"]) / Number(all!["n"])).toBeLessThanOrEqual(0.25);
    expect(lock.validate / Number(all!["late"])).toBeGreaterThan(0.24);
    expect(lock.validate / Number(all!["late"])).toBeLessThan(0.36);
    expect((await verifySnapshot(snapshot)).verdict).toBe("pass");
  });

  test("when another range is frozen, then who was held out is held out again", async () => {
    const early = await rowsOf(await made({ to: new Date("2026-02-10T00:00:00Z") }));
    const all = await rowsOf(await made());
    const learned = people(of(early, "learn"));
    expect([...people(of(all, "validate"))].filter((person) => learned.has(person))).toEqual([]);
    expect(people(of(all, "validate")).size).toBeGreaterThan(100);
  });

  test("when the sides are cut in another way, then it is another snapshot, and its content says so", async () => {
    const first = await made();
    const other = await made({ split: { people_share: 0.5 } });
    expect(other.id).not.toBe(first.id);
    const more = people(of(await rowsOf(other), "validate"));
    expect([...people(of(await rowsOf(first), "validate"))].every((person) => more.has(person))).toBe(true);
    expect((await made()).kind).toBe("already-there");
  });

  test("when windows are asked for in days, then they roll with the latest send", async () => {
    const snapshot = await made({ split: { validate: { days: 7 }, learn_days: 20 } });
    const { cut, learn_from } = snapshot.lock.lock.split!;
    expect(cut).toBe("2026-02-23T00:00:00.000Z");
    expect(learn_from).toBe("2026-02-03T00:00:00.000Z");
    const learn = of(await rowsOf(snapshot), "learn");
    expect(Math.min(...learn.map(({ sentAt }) => sentAt))).toBeGreaterThanOrEqual(Date.parse(learn_from!));
  });

  test("when all was sent within an hour, then people alone tell the sides", async () => {
    await warehouse.run("update training.examples set sent_at = timestamp '2026-01-05 10:20:00'");
    const { lock } = await made();
    expect(lock.lock.split).toMatchObject({ cut: null, left_out: 0 });
    expect(lock.lock.split!.validate / lock.lock.rows).toBeCloseTo(0.3, 1);
  });

  test("when a side has nobody, then the snapshot is refused", async () => {
    await expect(made({ split: { learn_days: 1, people_share: 0.9999999 } })).rejects.toMatchObject({
      code: "snapshot.one-sided",
      exitCode: 4,
    });
  });

  test("when it is a sample, then each stratum keeps its share on each side", async () => {
    const shareOf = (rows: Awaited<ReturnType<typeof rowsOf>>, isp: string) =>
      of(rows, "validate").filter((row) => row.isp === isp).length / rows.filter((row) => row.isp === isp).length;
    const [all, some] = [await rowsOf(await made()), await rowsOf(await made({ sampleRows: 1_000 }))];
    expect(some.length).toBeLessThan(all.length / 2);
    for (const isp of ["gmail", "outlook", "yahoo", "other"])
      expect(Math.abs(shareOf(some, isp) - shareOf(all, isp)), isp).toBeLessThan(0.03);
  });

  test("when machines read along and the outcome is trusted, then a row that judges is of the post-AI set", async () => {
    const { lock } = await made();
    const { rows } = await warehouse.query(
      `select count(*) as n from training.examples where is_mature and has_training_consent and is_trusted and summary_views_90d > 0 and sent_at >= timestamp '${lock.lock.split!.cut!.slice(0, 19)}'`,
    );
    const share = lock.lock.split!.post_ai! / Number(rows[0]!["n"]);
    expect(share).toBeGreaterThan(0.22);
    expect(share).toBeLessThan(0.38);
    await warehouse.run("alter table training.examples drop column is_trusted");
    const blind = await made();
    expect(blind.lock.lock.split).not.toHaveProperty("post_ai");
    expect(blind.lock.lock.columns.map(({ name }) => name)).not.toContain("is_post_ai");
  });

  test("when the table has a column of that name, then it is refused", async () => {
    await warehouse.run("alter table training.examples add column split varchar");
    await expect(made()).rejects.toMatchObject({ code: "snapshot.taken-column" });
  });

  test("when a lock was made before there were sides, then it is verified, and nothing learns from it", async () => {
    const snapshot = await made();
    const { spec, lock } = snapshot.lock;
    const { split: asked, ...oldSpec } = spec;
    const { split: found, provenance, ...oldLock } = lock;
    const old = { ...snapshot, lock: { ...snapshot.lock, schema: "1" as const, spec: oldSpec, lock: oldLock } };
    await writeFile(join(snapshot.path, "lock.json"), JSON.stringify({ ...old.lock }));
    expect(JSON.parse(await readFile(join(snapshot.path, "lock.json"), "utf8"))).not.toHaveProperty("lock.split");
    expect((await verifySnapshot(old)).verdict).toBe("pass");
    expect(() => splitOf(old.lock, "here")).toThrow(/made before/);
    expect([asked, found, provenance].every((one) => one !== undefined)).toBe(true);
  });
});

describe("where the time is cut", () => {
  const hour = (sent_hour: number, is_held_out: boolean, n_rows: number) => ({ sent_hour, is_held_out, n_rows });
  const split = { ...defaultSplit, validate: { share: 0.25 } };

  test("when the last hour alone has more than the share, then it judges", () => {
    const cut = cutOf(split, [hour(10, false, 10), hour(11, false, 50), hour(11, true, 40)]);
    expect(cut).toMatchObject({ cut: new Date(11 * 3_600_000).toISOString(), learn: 10, validate: 40, leftOut: 50 });
  });

  test("when the days reach further back than the rows, then the first hour is learned from", () => {
    const cut = cutOf({ ...split, validate: { days: 30 } }, [hour(10, false, 3), hour(12, true, 4)]);
    expect(cut).toMatchObject({ cut: new Date(11 * 3_600_000).toISOString(), learn: 3, validate: 4 });
  });
});
