import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { createProgram } from "../../cli/program.ts";
import { auditHome, visitTexts } from "../../governance/pii/audit-home.ts";
import { openLedger } from "../../ingest/ledger.ts";
import { ledgerPath } from "../../ingest/segments/local-sink.ts";
import { verifyLedger } from "../../ingest/segments/verify.ts";
import { homeAt } from "../../platform/home.ts";
import { readHomeText, writeWhole } from "../../platform/home-files.ts";
import { giveHomeKeys, makeSealedHome } from "../../platform/home-seal.ts";
import { listSnapshots } from "../../retrain/snapshot/snapshot.ts";
import { verifySnapshot } from "../../retrain/snapshot/verify-snapshot.ts";
import { listModels } from "../../scoring/model.ts";
import { openLmdbStore } from "../../serve/online/lmdb-store.ts";
import { SegmentStore } from "../../warehouse/duckdb/segment-store.ts";
import { cryptoSettings, withoutCrypto } from "../support/duckdb-crypto.ts";
import { erase, fillHome, jane, janesIds, rawRows, worldAt } from "./erasure/support.ts";
import { certain, filesBelow, fillOutbox, inClear, planted, tables } from "./support/homes.ts";

let base: string;
let sealed: string;
let clear: string;
const signal = new AbortController().signal;

/** Where the texts stand once everything that is sealed is opened. */
async function opened(folder: string, texts: readonly string[]): Promise<readonly string[]> {
  const found = new Set<string>();
  const { unread } = await visitTexts(folder, { signal, withIds: true }, (file) => () => (text) => {
    if (texts.some((one) => text.includes(one))) found.add(file);
  });
  expect(unread).toEqual([]);
  return [...found].sort();
}

function copyOf(folder: string): string {
  const copy = mkdtempSync(join(base, "copy-"));
  cpSync(folder, copy, { recursive: true });
  onTestFinished(() => rmSync(copy, { recursive: true, force: true }));
  return copy;
}

describe.skipIf(withoutCrypto)("an encrypted home", () => {
  beforeAll(async () => {
    giveHomeKeys(cryptoSettings);
    base = mkdtempSync(join(tmpdir(), "inboxloop-encrypted-"));
    sealed = join(base, "sealed");
    clear = join(base, "clear");
    await makeSealedHome(sealed);
    for (const folder of [sealed, clear]) {
      await fillHome(folder);
      await fillOutbox(folder);
    }
  });
  afterAll(() => {
    rmSync(base, { recursive: true, force: true });
    giveHomeKeys({});
  });

  test("when every byte of every file is looked at then nothing that was planted stands in clear", () => {
    expect(inClear(sealed, planted)).toEqual([]);
    // The same home in clear shows that the look finds it.
    const shown = inClear(clear, planted).join("\n");
    for (const file of [
      "warehouse.duckdb",
      "raw/events/",
      "raw/profiles/",
      "snapshots/",
      "page-000000.ndjson",
      "online/",
    ])
      expect(shown).toContain(file);
  });

  test("when a file is one of DuckDB's then DuckDB opens it with the key only", async () => {
    const instance = await DuckDBInstance.create(":memory:");
    const connection = await instance.connect();
    onTestFinished(() => {
      connection.closeSync();
      instance.closeSync();
    });
    const parquet = filesBelow(sealed).filter((path) => path.endsWith(".parquet"));
    expect(parquet.length).toBeGreaterThan(5);
    for (const path of parquet)
      await expect(connection.run(`select * from read_parquet('${path}')`)).rejects.toThrowError(/is encrypted/);
    await expect(connection.run(`attach '${join(sealed, "warehouse.duckdb")}' as w (read_only)`)).rejects.toThrowError(
      /without a key/,
    );
  });

  test("when the same was done in clear then rows, tables and digests are the same", async () => {
    // The bytes of a dead letter are sealed anew each time.
    const others = (rows: Awaited<ReturnType<typeof rawRows>>) => ({
      ...rows,
      dead_letters: rows["dead_letters"]?.length,
    });
    expect(others(await rawRows(sealed))).toEqual(others(await rawRows(clear)));
    expect(await tables(sealed)).toEqual(await tables(clear));
    const ids = async (folder: string) => (await listSnapshots(homeAt(folder).snapshots)).map(({ id }) => id).sort();
    expect(await ids(sealed)).toEqual(await ids(clear));
    const digests = async (folder: string) => {
      const ledger = openLedger(ledgerPath(homeAt(folder).raw));
      return (await ledger.refresh({ repair: false })).flatMap((one) => (one.kind === "batch" ? [one.tables] : []));
    };
    const rowsOnly = (all: Awaited<ReturnType<typeof digests>>) =>
      all.map((one) =>
        Object.entries(one).map(([table, { rows, digest }]) => (table === "dead_letters" ? rows : digest)),
      );
    expect(rowsOnly(await digests(sealed))).toEqual(rowsOnly(await digests(clear)));
    const store = openLmdbStore(join(sealed, "online"));
    expect(store.person(janesIds[0]!)).toBeDefined();
    await store.close();
  });

  test("when ledger and snapshots are verified then they are whole", async () => {
    const verdict = await verifyLedger(homeAt(sealed).raw);
    expect({ ok: verdict.ok, problems: verdict.problems }).toEqual({ ok: true, problems: [] });
    for (const snapshot of await listSnapshots(homeAt(sealed).snapshots))
      expect((await verifySnapshot(snapshot)).verdict).toBe("pass");
  });

  test("when it is audited with the key then the audit sees what lies in every kind of file", async () => {
    const where = (await opened(sealed, certain)).join("\n");
    for (const file of [
      "raw/events/",
      "warehouse.duckdb",
      "snapshots/",
      "online/data.mdb",
      "outbox/data.mdb",
      "decisions/",
    ])
      expect(where).toContain(file);
    const folder = copyOf(sealed);
    await writeWhole(join(folder, "models", "note.json"), '{"who":"nobody.special@example.org"}');
    const { findings } = await auditHome(folder, { signal });
    expect(findings.map(({ file, kind }) => `${file} ${kind}`)).toContain("models/note.json address");
  });

  test("when somebody is erased then no byte names them, opened or not, and all else stays as it would in clear", async () => {
    const [here, there] = [copyOf(sealed), copyOf(clear)];
    for (const folder of [here, there]) expect((await erase(worldAt(folder), [jane]))[0]?.kind).toBe("done");
    expect((await opened(here, janesIds)).filter((file) => file !== "governance/erasures.ndjson")).toEqual([]);
    expect(inClear(here, planted)).toEqual([]);
    const others = (rows: Awaited<ReturnType<typeof rawRows>>) => ({
      ...rows,
      erasure_requests: [],
      erasures: [],
      erased_ids: [],
      dead_letters: [],
    });
    expect(others(await rawRows(here))).toEqual(others(await rawRows(there)));
    expect((await verifyLedger(homeAt(here).raw)).problems).toEqual([]);
  });

  test("when a byte of any file is flipped then reading it is an error that says what to do", async () => {
    const read: Readonly<Record<string, (folder: string) => Promise<unknown>>> = {
      "warehouse.duckdb": tables,
      "raw/events": (folder) => tables(folder),
      "snapshots/part": async (folder) => {
        for (const one of await listSnapshots(homeAt(folder).snapshots)) {
          const found = await verifySnapshot(one);
          if (found.verdict !== "pass") throw new Error("home: the snapshot is another");
        }
      },
      "lock.json": (folder) => listSnapshots(homeAt(folder).snapshots),
      "model.json": (folder) => listModels(homeAt(folder).models),
      "ledger.ndjson": (folder) => openLedger(ledgerPath(homeAt(folder).raw)).refresh({ repair: false }),
      "page-000000": (folder) => readHomeText(join(folder, "decisions", "spring@today", "page-000000.ndjson")),
    };
    for (const [name, work] of Object.entries(read)) {
      const folder = copyOf(sealed);
      const [room = "", file = ""] = name.includes("/") ? name.split("/") : ["", name];
      const path = filesBelow(folder).find(
        (one) => one.includes(join(folder, room)) && (one.includes(file) || file === "events"),
      );
      const target = room === "raw" ? filesBelow(join(folder, "raw", "events"))[0]! : path!;
      const bytes = readFileSync(target);
      // All over the file, so that no part of it goes unseen.
      for (let at = 4_096 + 100; at < bytes.length; at += 4_096) bytes[at]! ^= 1;
      if (bytes.length < 4_300) bytes[bytes.length >> 1]! ^= 1;
      writeFileSync(target, bytes);
      await work(folder).then(
        () => expect.unreachable(`${name} was read although it was changed`),
        (error: Error & { code?: string; next?: string }) => {
          if (error.message.startsWith("home:")) return;
          expect({ name, code: error.code, hasNext: error.next !== undefined }).toEqual({
            name,
            code: expect.any(String),
            hasNext: true,
          });
        },
      );
    }
  });

  test("when lines come as bytes then the segment is that of a file of the same lines", async () => {
    const lines = [
      { t: "plain", j: { a: [1, 2.5, "x"], n: null }, b: true, n: "N", sent: 1 },
      { t: "2024-01-02", j: "\u0000 \u2028 \ud83d\ude00", b: false, n: -5, sent: -1 },
      { t: "", j: [], b: null, n: null, sent: null },
      { t: null, j: null, b: true, n: 0, sent: 1767225600123456 },
    ].map((row) => JSON.stringify(row).replace('"N"', "9007199254740993"));
    const columns = [
      { name: "t", type: "STRING" },
      { name: "j", type: "JSON" },
      { name: "b", type: "BOOL" },
      { name: "n", type: "INT64" },
      { name: "sent", type: "TIMESTAMP" },
    ];
    const folder = mkdtempSync(join(base, "lines-"));
    const store = await SegmentStore.open();
    onTestFinished(() => store.close());
    const text = `${lines.join("\n")}\n`;
    writeFileSync(join(folder, "lines"), text);
    const file = await store.encode(join(folder, "lines"), columns, join(folder, "file.parquet"));
    const chunks = async function* () {
      yield Buffer.from(text);
    };
    const bytes = await store.encode(chunks(), columns, join(folder, "bytes.parquet"));
    expect([file, bytes]).toEqual([lines.length, lines.length]);
    const rows = async (path: string) => {
      const found: unknown[] = [];
      for await (const block of store.read(path, columns)) found.push(...block);
      return found;
    };
    expect(await rows(join(folder, "bytes.parquet"))).toEqual(await rows(join(folder, "file.parquet")));
    const wrong = async function* () {
      yield Buffer.from('{"t":"x","j":null,"b":true,"n":"no number","sent":1}\n');
    };
    await expect(store.encode(wrong(), columns, join(folder, "wrong.parquet"))).rejects.toThrowError();
  });

  test("when it is production then a command that writes is refused for a home in clear", async () => {
    const before = process.env["INBOXLOOP_ENV"];
    process.env["INBOXLOOP_ENV"] = "production";
    onTestFinished(() => {
      if (before === undefined) delete process.env["INBOXLOOP_ENV"];
      else process.env["INBOXLOOP_ENV"] = before;
      giveHomeKeys(cryptoSettings);
    });
    const digest = () =>
      filesBelow(clear).map((path) => `${path} ${createHash("sha256").update(readFileSync(path)).digest("hex")}`);
    const was = digest();
    for (const words of [
      ["build"],
      ["ingest", "file", "x.ndjson"],
      ["serve"],
      ["features", "push"],
      ["train", "--snapshot", "x"],
      ["keys", "home", "rotate"],
    ]) {
      const program = createProgram(signal);
      await expect(program.parseAsync(["node", "inboxloop", "--home", clear, ...words])).rejects.toMatchObject({
        code: "home.in-clear",
      });
    }
    expect(digest()).toEqual(was);
  });
});
