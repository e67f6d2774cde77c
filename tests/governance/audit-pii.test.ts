import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { gzipSync, zipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { auditHome } from "../../governance/pii/audit-home.ts";
import { findIdentifiers } from "../../governance/pii/find-identifiers.ts";
import { seededRandom } from "../../platform/seeded-random.ts";
import { openDuckDbWarehouse } from "../../warehouse/duckdb/adapter.ts";

const hex = (text: string) => Buffer.from(text).toString("hex");
const percent = (text: string) => text.replace(/[^A-Za-z0-9]/g, (c) => `%${hex(c).toUpperCase()}`);
const encodings: Readonly<Record<string, (text: string) => string>> = {
  plain: (text) => text,
  capitals: (text) => text.toUpperCase(),
  percent,
  "percent twice": (text) => percent(percent(text)),
  base64: (text) => Buffer.from(text).toString("base64"),
  "base64 in a URL": (text) => `https://t.example/c/${Buffer.from(`u=${text}&c=7`).toString("base64url")}/x`,
  hex,
  entities: (text) => [...text].map((c) => `&#${c.codePointAt(0)};`).join(""),
  "full-width letters": (text) =>
    text.replace("@", "\uff20").replace(/\d/g, (d) => String.fromCharCode(0xff10 + Number(d))),
  escapes: (text) => text.replace(/[@.+:]/g, (c) => `\\u00${hex(c)}`),
  "quoted-printable": (text) => text.replace(/[@.+:]/g, (c) => `=${hex(c).toUpperCase()}`),
  "base64 of JSON": (text) => Buffer.from(JSON.stringify({ a: 1, who: text })).toString("base64"),
};
const people: readonly ((n: number) => string)[] = [
  (n) => `jane.doe${n}@example.org`,
  (n) => `o'brien+tag${n}@mail.example.co.uk`,
  (n) => `+49 30 5550${100 + n}`,
  (n) => `198.51.100.${n % 256}`,
  (n) => `2001:db8:85a3::8a2e:370:${(n + 4096).toString(16)}`,
];

describe("findIdentifiers", () => {
  test("when 200 identifiers are written in twelve encodings then each is found", () => {
    const missed: string[] = [];
    const names = Object.keys(encodings);
    for (let n = 0; n < 200; n++) {
      const who = people[n % people.length]!(n);
      const encoding = names[n % names.length]!;
      const text = `status=ok ref ${encodings[encoding]!(who)} end`;
      if (findIdentifiers(text).length === 0) missed.push(`${encoding}: ${who}`);
    }
    expect(missed).toEqual([]);
  });

  test.each([
    ["coordinates", `{"lat": 52.5200, "lon": 13.4050}`],
    ["coordinates", "52.52000, 13.40500"],
    ["name", `{"first_name":"Jane","plan":"pro"}`],
    ["address", "jane (at) example (dot) org"],
  ])("when a text holds %s then they are found: %s", (kind, text) => {
    expect(findIdentifiers(text).map((one) => one.kind)).toContain(kind);
  });

  test.each([
    `sha256:${"3f".repeat(32)}`,
    `keyed:${"a7".repeat(16)}`,
    "0b7ad1c2-33ee-4a5f-9a10-0123456789ab",
    "2026-01-31T08:00:00.123456Z",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/120.0.0.0 Safari/537.36",
    "550 5.1.1 User [address] unknown at mx1.example.net",
    "198.51.100.0/24",
    `{"weights":[0.1234567,0.7654321],"name":"click-auc","version":"1.2.3.4-rc"}`,
    "@google-cloud/bigquery 8.3.1",
  ])("when a text names nobody then nothing is found: %s", (text) => {
    expect(findIdentifiers(text)).toEqual([]);
  });

  test("when something is found then the result does not repeat it", () => {
    expect(JSON.stringify(findIdentifiers("to jane.doe@example.org"))).not.toMatch(/doe|example/);
  });

  test("when bytes are a cipher's then nothing is found in them", () => {
    const random = seededRandom(11);
    const texts = Array.from({ length: 300 }, () =>
      Buffer.from(Array.from({ length: 600 }, () => Math.floor(random() * 256))).toString("base64"),
    );
    expect(texts.flatMap((text) => findIdentifiers(text))).toEqual([]);
  });
});

test("when a column holds sealed bytes, then what chance wrote in them is no address, and one that stands there in clear is", async () => {
  const folder = await mkdtemp(join(tmpdir(), "inboxloop-sealed-"));
  try {
    const random = seededRandom(5);
    const bytes = () => Buffer.from(Array.from({ length: 400 }, () => Math.floor(random() * 256))).toString("hex");
    const hex = (text: string) => Buffer.from(text).toString("hex");
    const instance = await DuckDBInstance.create(":memory:");
    const connection = await instance.connect();
    const write = (file: string, middle: string) =>
      connection.run(
        `copy (select unhex('${bytes()}00${hex(middle)}00${bytes()}') as payload from range(3)) to '${join(folder, file)}' (format parquet)`,
      );
    await write("chance.parquet", "8@ab.com");
    await write("clear.parquet", "jane.doe@example.org");
    connection.closeSync();
    const { findings } = await auditHome(folder, { signal: new AbortController().signal });
    expect(findings).toMatchObject([{ file: "clear.parquet", place: "payload", kind: "address" }]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("when a Message-ID stands where the id of a mail does, then it names nobody; elsewhere, or with a word in it, the same letters are an address", async () => {
  const folder = await mkdtemp(join(tmpdir(), "inboxloop-message-ids-"));
  try {
    const ours = "20260131.9f3ab2c4d1@mx1.example.com";
    const theirs = "jane.doe.20260131@mail.example.com";
    const metadata = (id: string) => `'${JSON.stringify({ provider: "mail", provider_message_id: id })}'`;
    const instance = await DuckDBInstance.create(":memory:");
    const connection = await instance.connect();
    const write = (file: string, columns: string) =>
      connection.run(`copy (select ${columns}) to '${join(folder, file)}' (format parquet)`);
    await write(
      "mails.parquet",
      `'${ours}:5d74208bc939df37' as message_id, '<${ours}>' as subject_key, ${metadata(ours)} as metadata, '${ours}' as report_id`,
    );
    await write("people.parquet", `'${ours}' as note, '${theirs}' as message_id, ${metadata(theirs)} as metadata`);
    connection.closeSync();
    const { findings } = await auditHome(folder, { signal: new AbortController().signal });
    expect(findings.map(({ file, place, kind }) => `${file} ${place} ${kind}`)).toEqual([
      "people.parquet note address",
      "people.parquet message_id address",
      "people.parquet metadata address",
    ]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

describe("a home with 200 people planted", () => {
  let home: string;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "inboxloop-planted-"));
  });
  afterAll(() => rm(home, { recursive: true, force: true }));

  test("when each stands somewhere else, in any of twelve encodings, then each place is told", async () => {
    const names = Object.keys(encodings);
    const planted = Array.from({ length: 200 }, (_, n) => {
      const encoding = names[n % names.length]!;
      // Of five kinds and twelve encodings each meets each.
      return { n, text: `status=ok ref ${encodings[encoding]!(people[n % people.length]!(n))} end` };
    });
    const places = new Map<string, string>();
    const put = async (n: number, file: string, place: string, bytes: string | Uint8Array): Promise<void> => {
      await mkdir(dirname(join(home, file)), { recursive: true });
      await writeFile(join(home, file), bytes);
      places.set(`${file} ${place}`, String(n));
    };
    const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;
    const columns: string[][] = [[], [], []];
    const noise = Buffer.from([0, 255, 17, 0, 3, 130]);
    for (const { n, text } of planted) {
      const line = `${JSON.stringify({ at: "2026-01-31T08:00:00Z", said: text })}\n`;
      switch (n % 9) {
        case 0: // a segment of the raw tables
        case 1: // a frozen snapshot
        case 2: // the warehouse
          columns[n % 9]!.push(`${quoted(text)} as c${n}`);
          break;
        case 3:
          await put(n, `spool/events/${n}.log`, "", Buffer.concat([noise, Buffer.from(text), noise]));
          break;
        case 4:
          await put(n, `models/m${n}/model.json`, "", line);
          break;
        case 5:
          await put(
            n,
            `models/m${n}/forest.zip`,
            "spec.pb",
            zipSync({ "spec.pb": Buffer.concat([noise, Buffer.from(line)]) }),
          );
          break;
        case 6:
          await put(n, `reports/${n}.html`, "", `<p title="x">${text}</p>`);
          break;
        case 7:
          await put(n, `state/${n}.ndjson`, "", line.repeat(2));
          break;
        default:
          await put(n, `release_log-${n}.ndjson.gz`, "(unpacked)", gzipSync(Buffer.from(line)));
      }
    }
    const instance = await DuckDBInstance.create(join(home, "warehouse.duckdb"));
    const connection = await instance.connect();
    await mkdir(join(home, "raw/events"), { recursive: true });
    await mkdir(join(home, "snapshots/s1"), { recursive: true });
    for (const [at, file] of ["raw/events/1.parquet", "snapshots/s1/part-0.parquet"].entries())
      await connection.run(`copy (select ${columns[at]!.join(", ")}) to '${join(home, file)}' (format parquet)`);
    await connection.run(`create schema s; create table s.planted as select ${columns[2]!.join(", ")}`);
    connection.closeSync();
    instance.closeSync();
    for (const { n } of planted) {
      if (n % 9 === 0) places.set(`raw/events/1.parquet c${n}`, String(n));
      if (n % 9 === 1) places.set(`snapshots/s1/part-0.parquet c${n}`, String(n));
      if (n % 9 === 2) places.set(`warehouse.duckdb s.planted.c${n}`, String(n));
    }
    expect(places.size).toBe(200);
    const found = await auditHome(home, { signal: new AbortController().signal });
    expect(found.unread).toEqual([]);
    const told = new Set(found.findings.map(({ file, place }) => `${file} ${place}`));
    expect([...places.keys()].filter((place) => !told.has(place))).toEqual([]);
  });
});

describe("auditHome", () => {
  let home: string;
  const audit = (leaveOut: readonly string[] = []) =>
    auditHome(home, { signal: new AbortController().signal, leaveOut });
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "inboxloop-audit-"));
    await mkdir(join(home, "raw/events"), { recursive: true });
    await mkdir(join(home, "demo"));
    await writeFile(join(home, "alerts.ndjson"), `${JSON.stringify({ what: "rolled back", version: "m2" })}\n`);
    const warehouse = await openDuckDbWarehouse({
      path: join(home, "warehouse.duckdb"),
      rawDir: join(home, "raw"),
      rawTables: {},
    });
    await warehouse.execute(
      `create schema s; create table s.clean as select 'sha256:${"ab".repeat(32)}' as id, 'gmail' as isp, '{"a":1}' as metadata`,
    );
    await warehouse.close();
  });
  afterAll(() => rm(home, { recursive: true, force: true }));

  test("when nobody is named then nothing is found, and everything was read", async () => {
    const clean = await audit();
    expect(clean).toMatchObject({ findings: [], unread: [] });
    expect(clean.files).toBeGreaterThanOrEqual(2);
  });

  test("when people are planted in every kind of file then each place is told", async () => {
    const warehouse = await openDuckDbWarehouse({
      path: join(home, "warehouse.duckdb"),
      rawDir: join(home, "raw"),
      rawTables: {},
    });
    await warehouse.execute(
      "create table s.planted as select struct('x' as a, ['jane@example.org'] as b) as nested; create table s.people as select 'Jane' as first_name",
    );
    await warehouse.close();
    await writeFile(
      join(home, "store.mdb"),
      Buffer.concat([Buffer.alloc(40), Buffer.from("k jane@example.org"), Buffer.alloc(9)]),
    );
    await writeFile(join(home, "wide.log"), Buffer.from("\ufeffto jane@example.org\r\n", "utf16le"));
    await writeFile(join(home, "model.zip"), zipSync({ "spec.pb": Buffer.from("\x00\x12jane@example.org\x00") }));
    await writeFile(join(home, "long.json"), `{"pad":"${"x ".repeat(1_200_000)}","who":"jane@example.org"}`);
    await writeFile(join(home, "torn.parquet"), "PAR1 torn");
    await writeFile(join(home, "demo/events.ndjson"), `{"user":"jane@example.org"}\n`);
    const found = await audit(["demo"]);
    const places = new Set(found.findings.map(({ file, place, kind }) => `${file} ${place} ${kind}`));
    expect([...places].sort()).toEqual([
      "long.json  address",
      "model.zip spec.pb address",
      "store.mdb  address",
      "warehouse.duckdb s.people.first_name name",
      "warehouse.duckdb s.planted.nested address",
      "wide.log  address",
    ]);
    expect(found.unread.map(({ file }) => file)).toEqual(["torn.parquet"]);
    expect(found.leftOut).toEqual(["demo"]);
  });
});
