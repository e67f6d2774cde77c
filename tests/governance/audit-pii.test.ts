import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zipSync } from "fflate";
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
