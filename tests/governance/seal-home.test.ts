import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { openOutbox } from "../../activation/outbox.ts";
import { outboxOf } from "../../cli/commands/activate/outbox-folder.ts";
import { sealCommand } from "../../cli/commands/keys/seal.ts";
import { sealHome, sealLeftOver } from "../../cli/commands/keys/seal-home.ts";
import { bytesToWrite, fromBefore, planSealing } from "../../cli/commands/keys/seal-plan.ts";
import type { Environment } from "../../cli/environment.ts";
import { bigQueryLedgerPath, openLedger } from "../../ingest/ledger.ts";
import { verifyLedger } from "../../ingest/segments/verify.ts";
import { homeAt } from "../../platform/home.ts";
import { lineFrom, readHomeText } from "../../platform/home-files.ts";
import { giveHomeKeys, sealedRootOf, sealOf } from "../../platform/home-seal.ts";
import { settleSealing } from "../../platform/home-sealing.ts";
import { type BigQueryTargetSettings, targetSettings } from "../../platform/settings.ts";
import { listSnapshots } from "../../retrain/snapshot/snapshot.ts";
import { verifySnapshot } from "../../retrain/snapshot/verify-snapshot.ts";
import { artefactDigest } from "../../scoring/artefact.ts";
import { listModels } from "../../scoring/model.ts";
import { openLmdbStore } from "../../serve/online/lmdb-store.ts";
import { bigQueryTarget } from "../../targets/bigquery.ts";
import { cryptoSettings, withoutCrypto } from "../support/duckdb-crypto.ts";
import { erase, fillHome, jane, janesIds, rawRows, worldAt } from "./erasure/support.ts";
import { filesBelow, fillOutbox, inClear, planted, tables } from "./support/homes.ts";

let base: string;
let clear: string;
/** What the home in clear says of everything in it. */
let said: Awaited<ReturnType<typeof everything>>;

async function everything(folder: string) {
  const home = homeAt(folder);
  const { problems, rows_checked } = await verifyLedger(home.raw);
  const snapshots = [];
  for (const one of await listSnapshots(home.snapshots)) snapshots.push([one.id, (await verifySnapshot(one)).verdict]);
  const models = [];
  for (const one of await listModels(home.models)) models.push([one.name, one.digest, await artefactDigest(one)]);
  const online = openLmdbStore(join(folder, "online"));
  const outbox = openOutbox(outboxOf(home));
  try {
    return {
      ledger: { problems, rows_checked },
      raw: await rawRows(folder),
      tables: await tables(folder),
      snapshots,
      models,
      person: online.person(janesIds[0]!),
      decisions: online.queued(0, 10),
      mail: outbox.entry("d-j1-message"),
      page: await readHomeText(join(folder, "decisions", "spring@today", "page-000000.ndjson")),
    };
  } finally {
    await online.close();
    await outbox.close();
  }
}

const options = (fault?: (point: string) => void) => ({
  lock: { pid: process.pid, sleep: (ms: number) => sleep(ms), patienceMs: 100 },
  signal: new AbortController().signal,
  now: () => Date.parse("2026-02-01T00:00:00Z"),
  ...(fault ? { fault } : {}),
});

function copyOf(folder: string): string {
  const copy = mkdtempSync(join(base, "copy-"));
  cpSync(folder, copy, { recursive: true, preserveTimestamps: true });
  onTestFinished(() => rmSync(copy, { recursive: true, force: true }));
  return copy;
}

/** Seals a home in a process of its own, which is killed at a point. */
function sealUntil(folder: string, point: string): string | null {
  const script = join(import.meta.dirname, "support", "seal-until.ts");
  const { signal, stderr } = spawnSync(process.execPath, ["--import", "tsx", script, folder, point], {
    env: { ...process.env, ...cryptoSettings, NODE_OPTIONS: "--conditions=source" },
    encoding: "utf8",
  });
  if (signal === null) throw new Error(`${point} was not reached: ${stderr}`);
  return signal;
}

describe.skipIf(withoutCrypto)("a home in clear that is encrypted in place", () => {
  beforeAll(async () => {
    giveHomeKeys(cryptoSettings);
    base = mkdtempSync(join(tmpdir(), "inboxloop-sealing-"));
    clear = join(base, "clear");
    await fillHome(clear);
    await fillOutbox(clear);
    said = await everything(clear);
  });
  afterAll(() => {
    rmSync(base, { recursive: true, force: true });
    giveHomeKeys({});
  });

  test("when it is encrypted then it says all that it said, nothing stands in clear, and it goes on living", async () => {
    const folder = copyOf(clear);
    const steps: string[] = [];
    const done = await sealHome(
      folder,
      options((point) => steps.push(point)),
    );
    expect(done).toMatchObject({ rows_verified: said.ledger.rows_checked, snapshots_verified: said.snapshots.length });
    expect(await everything(folder)).toEqual(said);
    expect(inClear(folder, planted)).toEqual([]);
    // The same look at the home in clear finds it.
    expect(inClear(clear, planted).length).toBeGreaterThan(10);
    expect(readdirSync(folder).filter((name) => name.startsWith(".") || name === "reports")).toEqual([]);
    expect((await erase(worldAt(folder), [jane]))[0]?.kind).toBe("done");
    expect((await verifyLedger(homeAt(folder).raw)).problems).toEqual([]);
    expect(sealedRootOf(folder)).toBe(folder);
  });

  test("when it has what ingestion notes of mailboxes and sends to BigQuery then that is sealed too, and so is what earlier versions left in clear", async () => {
    const noted: Readonly<Record<string, string>> = {
      "state/imap/0123.json": '{"uid_validity":"zq-7","last_uid":3}\n',
      "state/ingested-mail/mail-01.list": "zq-digest\n",
      "bigquery/p.raw/open/b1/appends.ndjson": '{"block":0,"table":"events","rows":[{"event_id":"zq-event"}]}\n',
    };
    const rest = { "bigquery/p.raw/mirrored": "3", "bigquery/p.raw/letters/letter-1.sealed": "sealed already" };
    const write = (folder: string, files: Readonly<Record<string, string>>) => {
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(folder, path)), { recursive: true });
        writeFileSync(join(folder, path), text);
      }
    };
    const folder = copyOf(clear);
    write(folder, { ...noted, ...rest });
    expect(inClear(folder, ["zq-"])).toHaveLength(3);
    await sealHome(folder, options());
    const isWhole = async () => {
      expect(inClear(folder, ["zq-"])).toEqual([]);
      for (const [path, text] of Object.entries(noted)) {
        const at = join(folder, path);
        const [line = ""] = readFileSync(at, "utf8").split("\n");
        expect(path.endsWith(".ndjson") ? `${lineFrom(line, sealOf(at))}\n` : await readHomeText(at)).toBe(text);
      }
      for (const [path, text] of Object.entries(rest)) expect(readFileSync(join(folder, path), "utf8")).toBe(text);
    };
    await isWhole();
    const before = fromBefore(await planSealing(folder));
    expect(before.map(({ path }) => path).sort()).toEqual(Object.keys(noted).sort());
    const again = async () => {
      const done = [];
      for (const step of before) done.push(await sealLeftOver(folder, step));
      return done;
    };
    expect(await again()).toEqual([false, false, false]);
    write(folder, noted);
    expect(await again()).toEqual([true, true, true]);
    await isWhole();
  });

  test("when the process is killed anywhere then the home is readable, and beginning again ends it", async () => {
    const points: string[] = [];
    await sealHome(
      copyOf(clear),
      options((point) => points.push(point)),
    );
    const written = points.filter((point) => point.startsWith("written "));
    const wanted = [
      written[0]!,
      written.find((point) => point.endsWith(".parquet"))!,
      "written warehouse.duckdb",
      "written online/data.mdb",
      "locks-written",
      "ledger-written",
      "committed",
      points.find((point) => point.startsWith("moved-away raw"))!,
      points.filter((point) => point.startsWith("moved-in")).at(-1)!,
      "removing",
    ];
    for (const point of wanted) {
      const folder = copyOf(clear);
      expect([point, sealUntil(folder, point)]).toEqual([point, "SIGKILL"]);
      await settleSealing(folder, options().lock);
      expect([point, await everything(folder)]).toEqual([point, said]);
      const isSealed = sealedRootOf(folder) !== undefined;
      expect([point, isSealed]).toEqual([point, points.indexOf(point) >= points.indexOf("committed")]);
      if (!isSealed) {
        const again: string[] = [];
        await sealHome(
          folder,
          options((at) => again.push(at)),
        );
        // What was written before stays written.
        if (point !== written[0]) expect(again.length).toBeLessThan(points.length);
        expect([point, await everything(folder)]).toEqual([point, said]);
      }
      expect([point, inClear(folder, planted)]).toEqual([point, []]);
    }
  });

  test("when something lands while it is interrupted then that is encrypted too", async () => {
    const folder = copyOf(clear);
    sealUntil(folder, "ledger-written");
    expect((await erase(worldAt(folder), [jane]))[0]?.kind).toBe("done");
    const after = await everything(folder);
    await sealHome(folder, options());
    const { problems } = (await everything(folder)).ledger;
    expect(problems).toEqual([]);
    expect((await everything(folder)).raw).toEqual(after.raw);
    expect(inClear(folder, planted)).toEqual([]);
  });

  test("when it is planned then every file is named by what becomes of it, and nothing changes", async () => {
    const folder = copyOf(clear);
    const before = filesBelow(folder);
    const { steps, unknown } = await planSealing(folder);
    expect(unknown).toEqual([]);
    expect(steps.map(({ path }) => join(folder, path)).sort()).toEqual([...before].sort());
    expect(bytesToWrite(steps)).toBeGreaterThan(10_000);
    const kindOf = (path: string) => steps.find((step) => step.path === path)?.kind;
    expect(
      ["warehouse.duckdb", "online/data.mdb", "reports/with.html", "raw/ingest_ledger/ledger.ndjson"].map(kindOf),
    ).toEqual(["database", "store", "dropped", "lines"]);
    expect(filesBelow(folder)).toEqual(before);
  });

  test("when it is the home of a bigquery target then it is encrypted where it has no bucket, and a demo's sender goes", async () => {
    const folder = join(base, "cloud");
    const write = (path: string, text: string) => {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    };
    const ledger = openLedger(bigQueryLedgerPath(join(folder, "bigquery", "p.raw")));
    const received_at = "2026-01-01T00:00:00Z";
    const parts = [{ segment: "zq-segment", rows: 1 }];
    await ledger.append([
      { kind: "compaction", compaction_id: "c1", table: "events", segment: "s", sha256: "0", parts, received_at },
    ]);
    write("models/m/model.json", "zq-model");
    write("demo/world/events-000.ndjson", "zq-sender");
    write("demo/begun.json", "{}");
    const worldOf = (bucket?: string) =>
      ({
        home: homeAt(folder),
        target: bigQueryTarget(
          "cloud",
          targetSettings.parse({ kind: "bigquery", bucket }) as BigQueryTargetSettings,
          {
            cwd: folder,
            settings: {},
            signal: options().signal,
          },
          folder,
        ),
        console: { progress: () => ({ update() {}, done() {} }) },
        signal: options().signal,
        now: () => new Date("2026-02-01T00:00:00Z"),
      }) as unknown as Environment;
    const sealing = (bucket?: string) => sealCommand(worldOf(bucket), { dryRun: false });
    await expect(sealing("gs://bucket")).rejects.toMatchObject({
      code: "home.bucket",
      where: expect.stringMatching("gs://bucket"),
    });
    expect(inClear(folder, ["zq-"]).length).toBe(3);
    expect(await sealing()).toMatchObject({ kind: "sealed", files: 2 });
    expect(inClear(folder, ["zq-"])).toEqual([]);
    expect(existsSync(join(folder, "demo"))).toBe(false);
    expect(await readHomeText(join(folder, "models", "m", "model.json"))).toBe("zq-model");
    const again = openLedger(bigQueryLedgerPath(join(folder, "bigquery", "p.raw")));
    expect(await again.refresh({ repair: false })).toMatchObject([{ parts }]);
    expect(await sealing()).toMatchObject({ kind: "stores", stores: [], files: [] });
  });

  test("when a file is nobody's, or another process has one open, then nothing is begun", async () => {
    const folder = copyOf(clear);
    writeFileSync(join(folder, "my-list.csv"), "kim@example.org");
    await expect(sealHome(folder, options())).rejects.toMatchObject({ code: "home.unknown-file" });
    rmSync(join(folder, "my-list.csv"));
    const script = `require("fs").openSync(${JSON.stringify(join(folder, "warehouse.duckdb"))}, "r"); console.log("open"); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void child.kill("SIGKILL"));
    await once(child.stdout, "data");
    await expect(sealHome(folder, options())).rejects.toMatchObject({
      code: "home.in-use",
      message: expect.stringContaining(String(child.pid)),
    });
    expect(existsSync(join(folder, ".sealing"))).toBe(false);
  });
});
