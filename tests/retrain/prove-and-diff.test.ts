import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { diffSnapshots } from "../../retrain/snapshot/diff-snapshots.ts";
import { checkProof, proveRow, type RowProof, rowProof } from "../../retrain/snapshot/prove-row.ts";
import { createSnapshot, type Snapshot, type SnapshotRequest } from "../../retrain/snapshot/snapshot.ts";
import { readParquetPlace } from "../../warehouse/duckdb/read-parquet.ts";
import { fillExamples } from "./support/examples.ts";
import { type PlainWarehouse, plainWarehouse } from "./support/plain-duckdb.ts";

let warehouse: PlainWarehouse;
let folder: string;
let first: Snapshot;
let proof: RowProof;
beforeAll(async () => {
  warehouse = await plainWarehouse();
  folder = await mkdtemp(join(tmpdir(), "inboxloop-prove-"));
  await fillExamples(warehouse, 6_000);
  first = await made({
    provenance: { graph: { algorithm: "sha256", value: "a".repeat(64) }, vars: { as_of: "then" } },
  });
  proof = await proveRow(first, "1");
});
afterAll(async () => {
  await warehouse.close();
  await rm(folder, { recursive: true, force: true });
});

// A cut that does not move with the number of rows.
const split = { validate: { days: 15 } };

async function made(request: SnapshotRequest = {}): Promise<Snapshot> {
  const env = { warehouse, snapshots: folder, now: () => new Date("2026-03-10T00:00:00Z") };
  const found = await createSnapshot(env, { split, ...request });
  if (found.kind === "planned") throw new Error("planned");
  return found;
}

const digest = () => first.lock.lock.content.value;
const at = (name: string): number => proof.columns.findIndex((column) => column.name === name);

describe("a proof of a row", () => {
  test("when a row is proven by its number, then it is the first in time, and the digest alone is enough to see it", async () => {
    const files = first.lock.files.map(({ name }) => join(first.path, name));
    const id = await readParquetPlace(files, "message_id", ["sent_at", "message_id"], 1);
    const carried = rowProof.parse(JSON.parse(JSON.stringify(proof)));
    const verdict = checkProof(carried, digest());
    expect(verdict).toMatchObject({ verdict: "pass", why: null });
    expect(verdict.row["message_id"]).toBe(id);
    expect(["learn", "validate"]).toContain(verdict.row["split"]);
    expect(await proveRow(first, id!)).toEqual(proof);
  });

  test("when any cell is another, then the proof fails", () => {
    const cells = [...proof.cells];
    cells[at("did_click")] = proof.cells[at("did_click")] === "B0" ? "B1" : "B0";
    expect(checkProof({ ...proof, cells }, digest())).toMatchObject({ verdict: "fail" });
  });

  test("when the forged row's hash is put into the bucket, then the root is another", () => {
    const cells = proof.cells.with(at("revenue"), "D4503599627370496p-52");
    const forged = { ...proof, cells };
    const verdict = checkProof({ ...forged, bucket: [...proof.bucket, "0".repeat(64)].sort() }, digest());
    expect(verdict.verdict).toBe("fail");
    expect(checkProof({ ...proof, bucket: [...proof.bucket, "f".repeat(64)] }, digest()).why).toMatch(/another digest/);
    expect(checkProof({ ...proof, rows: proof.rows + 1 }, digest()).why).toMatch(/another digest/);
  });

  test("when cells are joined or parted anew, then they are no cells, though the text is the same", () => {
    const [one, two, ...rest] = proof.cells;
    const joined = { ...proof, columns: proof.columns.slice(1), cells: [`${one};${two}`, ...rest] };
    expect(checkProof(joined, digest()).why).toMatch(/is no /);
    expect(checkProof({ ...proof, cells: proof.cells.slice(1) }, digest()).why).toMatch(/cells for/);
  });

  test("when columns change their names, then the proof fails", () => {
    const columns = proof.columns.with(at("did_click"), { name: "did_sleep", type: "BOOL" });
    expect(checkProof({ ...proof, columns }, digest()).why).toMatch(/another digest/);
  });

  test("when it is checked against another digest, then it fails", () => {
    expect(checkProof(proof, "0".repeat(64)).verdict).toBe("fail");
  });

  test("when there is no such row, then it says what to give", async () => {
    await expect(proveRow(first, "m99999999")).rejects.toMatchObject({ code: "snapshot.no-row", exitCode: 2 });
    await expect(proveRow(first, "999999")).rejects.toMatchObject({ code: "snapshot.no-row" });
  });

  test("when the files are not those of the lock, then nothing is proven", async () => {
    const lock = structuredClone(first.lock) as { lock: { content: { value: string } } } & Snapshot["lock"];
    lock.lock.content.value = "1".repeat(64);
    await expect(proveRow({ ...first, lock }, "2")).rejects.toMatchObject({ code: "snapshot.changed", exitCode: 4 });
  });
});

describe("a difference of snapshots", () => {
  test("when it is the same snapshot, then nothing differs", async () => {
    const found = await diffSnapshots(first, first);
    expect(found).toMatchObject({ identical: true, schema: [], provenance: [] });
    expect(found.rows).toMatchObject({ gone: 0, come: 0, changed: 0, same: first.lock.lock.rows });
    expect(found.outcomes.every((one) => one.a === one.b)).toBe(true);
  });

  test("when rows went, came and changed, then each is counted by key and by column, beside outcomes, segments and provenance", async () => {
    const kept = await warehouse.query(
      `select message_id from read_parquet('${join(first.path, first.lock.files[0]!.name)}') where split = 'learn' and not did_click and not did_complain order by message_id limit 7`,
    );
    const ids = kept.rows.map((row) => String(row["message_id"]));
    const [gone, changed] = [ids.slice(0, 3), ids.slice(3)];
    const list = (some: readonly string[]) => some.map((id) => `'${id}'`).join(", ");
    await warehouse.run(`create table before as select * from training.examples`);
    await warehouse.run(`update training.examples set is_mature = false where message_id in (${list(gone)})`);
    await warehouse.run(
      `update training.examples set did_click = true, revenue = 9 where message_id in (${list(changed)})`,
    );
    await warehouse.run(
      `insert into training.examples select * replace ('x' || message_id as message_id) from training.examples where message_id in (${list(changed.slice(0, 2))})`,
    );
    await warehouse.run("alter table training.examples add column fresh bigint");
    const second = await made({
      provenance: { graph: { algorithm: "sha256", value: "b".repeat(64) }, vars: { as_of: "then" } },
    });
    await warehouse.run("create or replace table training.examples as select * from before");

    const found = await diffSnapshots(first, second);
    expect(found).toMatchObject({ identical: false, schema: [{ what: "fresh", a: null, b: "INT64" }] });
    expect(found.rows).toMatchObject({ gone: 3, come: 2, changed: 4, changedBy: { did_click: 4, revenue: 4 } });
    expect(found.rows.examples.gone).toEqual(gone);
    expect(found.rows.examples.changed).toEqual(changed);
    const clicks = (value: string) => found.outcomes.find((one) => one.column === "did_click" && one.value === value)!;
    expect(clicks("true").b - clicks("true").a).toBe(6);
    const learn = found.segments.find((one) => one.column === "split" && one.value === "learn")!;
    expect(learn.b - learn.a).toBe(-1);
    expect(found.provenance.map(({ what }) => what)).toEqual(["graph", "parent.training.examples", "query"]);
  });

  test("when the key tells rows not apart, or is not there, then it is refused", async () => {
    const other = await made({ to: new Date("2026-02-10T00:00:00Z") });
    await expect(diffSnapshots(first, other, "campaign_id")).rejects.toMatchObject({ code: "snapshot.key" });
    await expect(diffSnapshots(first, other, "no_such")).rejects.toMatchObject({ code: "snapshot.key", exitCode: 2 });
  });
});

test("when a proof is checked by the command, then the digest is the caller's or a snapshot's here, never the proof's own", async () => {
  const { createProgram } = await import("../../cli/program.ts");
  const home = await mkdtemp(join(tmpdir(), "inboxloop-prove-home-"));
  const file = join(home, "row.json");
  await writeFile(file, JSON.stringify(proof));
  const { vi } = await import("vitest");
  const stdout = vi.spyOn(process.stdout, "write").mockImplementation(() => true);
  const run = (...words: string[]) =>
    createProgram(new AbortController().signal).parseAsync(
      ["--home", home, "--quiet", "--json", "snapshot", "prove", "--check", file, ...words],
      { from: "user" },
    );
  try {
    await expect(run()).rejects.toMatchObject({ code: "snapshot.no-digest", exitCode: 2 });
    await run("--digest", digest());
    expect(process.exitCode ?? 0).toBe(0);
    await run("--digest", "0".repeat(64));
    expect(process.exitCode).toBe(4);
  } finally {
    process.exitCode = undefined;
    stdout.mockRestore();
    await rm(home, { recursive: true, force: true });
  }
});
