// One file that cannot be read does not end a run over a folder: it is named and counted, the rest lands, and the same command takes it once it is mended.

import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import avro from "avsc";
import { afterEach, expect, onTestFinished, test } from "vitest";
import type { IngestSummary } from "../../../cli/commands/ingest/render.ts";
import type { Unreadable } from "../../../ingest/unreadable.ts";
import { DuckDBInstance } from "../../../packages/googlesql/duckdb/client.ts";
import { eventRecord } from "../../ingest/support.ts";
import { runIn } from "../support/in-process.ts";

const lines = (...numbers: readonly number[]) => numbers.map((n) => `${JSON.stringify(eventRecord(n))}\n`).join("");

function place(): string {
  const cwd = mkdtempSync(join(tmpdir(), "inboxloop-unreadable-"));
  onTestFinished(() => rmSync(cwd, { recursive: true, force: true }));
  mkdirSync(join(cwd, "in"));
  return cwd;
}

afterEach(() => {
  process.exitCode = undefined;
});

/** What a run says, and with which code it ends. */
async function run<T = IngestSummary>(
  cwd: string,
  ...words: readonly string[]
): Promise<T & { readonly exit: number }> {
  process.exitCode = undefined;
  const said = JSON.parse(await runIn(cwd, ["--home", join(cwd, "home"), "--json", ...words])) as T;
  return { ...said, exit: Number(process.exitCode ?? 0) };
}

const named = ({ unreadable }: { readonly unreadable: readonly Unreadable[] }, folder: string) =>
  Object.fromEntries(unreadable.map(({ path, code }) => [path.slice(folder.length + 1), code]));

/** A gzip whose data ends too early. */
const cut = (text: string) => gzipSync(text).subarray(0, -12);

test("when files of a folder cannot be read then each is named, the others land, and a second run takes what was mended", async () => {
  const cwd = place();
  const folder = join(cwd, "in");
  writeFileSync(join(folder, "a.ndjson"), lines(1));
  writeFileSync(join(folder, "b.ndjson.gz"), cut(lines(2, 3)));
  writeFileSync(join(folder, "c.ndjson"), gzipSync(lines(4)).fill(0xff, 12, 30));
  symlinkSync("nowhere", join(folder, "d.ndjson"));
  symlinkSync("e.ndjson", join(folder, "e.ndjson"));
  expect(spawnSync("mkfifo", [join(folder, "f.ndjson")]).status).toBe(0);
  mkdirSync(join(folder, "g.ndjson"));
  writeFileSync(join(folder, "g.ndjson", "inner.json"), lines(5));
  symlinkSync(folder, join(folder, "again"));
  writeFileSync(join(folder, "h.json"), Buffer.from("PK\x03\x04 an archive"));
  writeFileSync(join(folder, "z.ndjson"), lines(6));
  const first = await run(cwd, "ingest", "file", "in");
  expect(named(first, folder)).toEqual({
    "b.ndjson.gz": "ingest.damaged-archive",
    "c.ndjson": "ingest.damaged-archive",
    "d.ndjson": "ingest.no-file",
    "e.ndjson": "ingest.no-file",
    "f.ndjson": "ingest.no-file",
    "h.json": "ingest.zip",
  });
  expect(first.files.map(({ landed }) => landed)).toEqual([1, 1, 1]);
  expect(first).toMatchObject({ exit: 4, totals: { received: 3, landed: 3, duplicate: 0, dead_letter: 0 } });

  for (const name of ["d.ndjson", "e.ndjson", "f.ndjson", "h.json"]) unlinkSync(join(folder, name));
  writeFileSync(join(folder, "b.ndjson.gz"), gzipSync(lines(2, 3)));
  writeFileSync(join(folder, "c.ndjson"), gzipSync(lines(4)));
  const second = await run(cwd, "ingest", "file", "in");
  expect(second).toMatchObject({ exit: 0, unreadable: [], totals: { received: 3, landed: 3, duplicate: 0 } });
});

test("when a file is named alone then what is wrong with it is the command's error, and a name that nothing has ends a run of several", async () => {
  const cwd = place();
  writeFileSync(join(cwd, "a.ndjson"), lines(1));
  writeFileSync(join(cwd, "b.ndjson.gz"), cut(lines(2)));
  await expect(run(cwd, "ingest", "file", "b.ndjson.gz")).rejects.toMatchObject({ code: "ingest.damaged-archive" });
  await expect(run(cwd, "ingest", "file", "a.ndjson", "typo.ndjson")).rejects.toMatchObject({ code: "ingest.no-file" });
  const both = await run(cwd, "ingest", "file", "b.ndjson.gz", "a.ndjson");
  expect(both).toMatchObject({ exit: 4, totals: { landed: 1 }, unreadable: [{ code: "ingest.damaged-archive" }] });
  const globbed = await run(cwd, "ingest", "file", "*.ndjson*");
  expect(globbed).toMatchObject({ exit: 4, files: [{ state: "already-ingested" }], unreadable: [{}] });
});

test("when a table says what a run came to then what was not read stands under it", async () => {
  const cwd = place();
  writeFileSync(join(cwd, "in", "a.ndjson"), lines(1));
  writeFileSync(join(cwd, "in", "b.ndjson.gz"), cut(lines(2)));
  const shown = await runIn(cwd, ["--home", join(cwd, "home"), "ingest", "file", "in"]);
  expect(shown).toContain(`not read: ${join(cwd, "in", "b.ndjson.gz")}. The same command takes in what is mended`);
});

const mapping = `version: 1
rows:
  - table: events
    set: { event_type: open, user_id: { column: email }, message_id: { column: message }, timestamp_utc: { column: at, cast: instant } }
`;

async function parquet(path: string, from: number, to: number): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  await connection.run(
    `copy (select 'p' || n || '@example.com' as email, 'p' || n as message, '2026-01-01T00:00:00Z' as at from range(${from}, ${to}) t(n)) to '${path}' (format parquet)`,
  );
  connection.closeSync();
  instance.closeSync();
}

async function avroFile(path: string, from: number, to: number): Promise<void> {
  const field = (name: string) => ({ name, type: "string" });
  const schema = { type: "record", name: "open", fields: ["email", "message", "at"].map(field) } as avro.Schema;
  const encoder = new avro.streams.BlockEncoder(schema, { blockSize: 256 });
  for (let n = from; n < to; n++)
    encoder.write({ email: `v${n}@example.com`, message: `v${n}`, at: "2026-01-01T00:00:00Z" });
  encoder.end();
  writeFileSync(path, await buffer(encoder));
}

test("when columns come damaged then nothing of the file lands, however many batches it would be, and all of it once it is mended", async () => {
  const cwd = place();
  const folder = join(cwd, "in");
  writeFileSync(join(cwd, "own.yaml"), mapping);
  await parquet(join(cwd, "whole.parquet"), 0, 20);
  await avroFile(join(cwd, "whole.avro"), 0, 20);
  const csv = [
    "email,message,at",
    ...Array.from({ length: 20 }, (_, n) => `c${n}@example.com,c${n},2026-01-01T00:00:00Z`),
  ];
  for (const name of ["whole.parquet", "whole.avro"]) {
    copyFileSync(join(cwd, name), join(folder, name));
    truncateSync(join(folder, name), statSync(join(folder, name)).size - 40);
  }
  writeFileSync(join(folder, "cut.csv.gz"), cut(csv.join("\n")));
  writeFileSync(join(folder, "twice.csv"), "email,email,at\nx@example.com,x,2026-01-01T00:00:00Z\n");
  writeFileSync(join(folder, "zz.csv"), "email,message,at\nz@example.com,z,2026-01-01T00:00:00Z\n");
  const words = ["ingest", "file", "in", "--map", "own.yaml", "--batch-size", "5"];
  const first = await run(cwd, ...words);
  expect(named(first, folder)).toEqual({
    "whole.parquet": "ingest.damaged-file",
    "whole.avro": "ingest.damaged-file",
    "cut.csv.gz": "ingest.damaged-archive",
    "twice.csv": "ingest.repeated-column",
  });
  expect(first).toMatchObject({ exit: 4, totals: { received: 1, landed: 1 } });
  for (const name of ["whole.parquet", "whole.avro"]) copyFileSync(join(cwd, name), join(folder, name));
  writeFileSync(join(folder, "cut.csv.gz"), gzipSync(csv.join("\n")));
  rmSync(join(folder, "twice.csv"));
  expect(await run(cwd, ...words)).toMatchObject({ exit: 0, totals: { received: 60, landed: 60, duplicate: 0 } });
});

test("when a file that others are joined with cannot be read then they wait, and land with their details once it can", async () => {
  const cwd = place();
  const folder = join(cwd, "in");
  const events =
    "id,_fivetran_synced,created,email_campaign_id,sent_by_id,type,filtered_event,recipient\n" +
    "b1,2026-01-31 12:00:00,2026-01-31 09:00:00,7,s1,BOUNCE,,reader@example.org\n";
  writeFileSync(join(folder, "email_event.csv.gz"), cut(events));
  writeFileSync(
    join(folder, "email_event_bounce.csv"),
    "id,_fivetran_synced,category,status,response\nb1,2026-01-31 12:00:00,UNKNOWN_USER,550,550 5.1.1 no such user\n",
  );
  writeFileSync(
    join(folder, "email_campaign.csv"),
    "id,app_id,content_id,name,subject,type,num_included\n7,1,2,January,Hello,BATCH_EMAIL,3\n",
  );
  const first = await run(cwd, "ingest", "file", "in", "--map", "hubspot");
  expect(named(first, folder)).toEqual({
    "email_event.csv.gz": "ingest.damaged-archive",
    "email_event_bounce.csv": "ingest.waits",
  });
  expect(first.totals.rows_by_table).toEqual({ campaigns: 1 });
  writeFileSync(join(folder, "email_event.csv.gz"), gzipSync(events));
  const second = await run(cwd, "ingest", "file", "in", "--map", "hubspot");
  expect(second).toMatchObject({ exit: 0, totals: { rows_by_table: { events: 1 } } });
});

const bounce = (n: number) =>
  `From: MAILER-DAEMON@mx.example.net\nTo: s@example.com\nDate: Sat, 31 Jan 2026 10:00:0${n} +0000\nSubject: Undelivered Mail\nMessage-ID: <b${n}@mx.example.net>\n\n<reader${n}@example.org>: 550 5.1.1 no such user\n`;
const report = (
  n: number,
) => `<?xml version="1.0"?><feedback><report_metadata><org_name>example.net</org_name><email>d@example.net</email>
<report_id>r${n}</report_id><date_range><begin>1769817600</begin><end>1769903999</end></date_range></report_metadata>
<policy_published><domain>example.com</domain><p>none</p></policy_published>
<record><row><source_ip>192.0.2.7</source_ip><count>3</count><policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>pass</spf></policy_evaluated></row>
<identifiers><header_from>example.com</header_from></identifiers><auth_results><spf><domain>example.com</domain><result>pass</result></spf></auth_results></record></feedback>`;

test.each([
  ["mail", bounce],
  ["dmarc", report],
] as const)(
  "when documents of ingest %s cannot be read then the others land, and a second run takes what was mended",
  async (kind, made) => {
    const cwd = place();
    const folder = join(cwd, "in");
    writeFileSync(join(folder, "1"), made(1));
    symlinkSync("nowhere", join(folder, "2"));
    expect(spawnSync("mkfifo", [join(folder, "3")]).status).toBe(0);
    symlinkSync(folder, join(folder, "4"));
    writeFileSync(join(folder, "5"), "");
    truncateSync(join(folder, "5"), (64 << 20) + 1);
    writeFileSync(join(cwd, "elsewhere"), made(6));
    symlinkSync(join(cwd, "elsewhere"), join(folder, "6"));
    const first = await run(cwd, "ingest", kind, "in");
    expect(named(first, folder)).toEqual({
      2: "ingest.no-file",
      3: "ingest.no-file",
      5: "ingest.document-too-large",
    });
    expect(first).toMatchObject({ exit: 4, documents: 2, received: 2, landed: 2 });
    unlinkSync(join(folder, "2"));
    unlinkSync(join(folder, "3"));
    writeFileSync(join(folder, "2"), made(2));
    writeFileSync(join(folder, "5"), made(5));
    const second = await run(cwd, "ingest", kind, "in");
    expect(second).toMatchObject({ exit: 0, unreadable: [], already_ingested: 2, received: 2, landed: 2 });
    await expect(run(cwd, "ingest", kind, "missing")).rejects.toMatchObject({ code: "ingest.no-file" });
  },
);

test("when results of seed tests or a list of suppressions cannot be read then the rest of the folder lands all the same", async () => {
  const cwd = place();
  const folder = join(cwd, "in");
  const seeds = (n: number) =>
    `test_id,seed_email,isp,placement,tested_at\nt${n},s@example.com,gmail,inbox,2026-01-31T00:00:00Z\n`;
  writeFileSync(join(folder, "a.csv"), seeds(1));
  writeFileSync(join(folder, "b.csv.gz"), cut(seeds(2)));
  const preview = await run<{ readonly preview: readonly unknown[]; readonly unreadable: readonly Unreadable[] }>(
    cwd,
    "ingest",
    "seeds",
    "in",
    "--dry-run",
  );
  expect(preview).toMatchObject({
    exit: 4,
    preview: [{ records: 1 }],
    unreadable: [{ code: "ingest.damaged-archive" }],
  });
  const first = await run<{ readonly files: IngestSummary }>(cwd, "ingest", "seeds", "in");
  expect(first).toMatchObject({ exit: 4, files: { totals: { landed: 1 }, unreadable: [{}] } });
  writeFileSync(join(folder, "b.csv.gz"), gzipSync(seeds(2)));
  expect(await run(cwd, "ingest", "seeds", "in")).toMatchObject({ exit: 0, files: { totals: { landed: 1 } } });

  mkdirSync(join(cwd, "lists"));
  writeFileSync(join(cwd, "lists", "a.csv"), "email,reason\na@example.com,BOUNCE\n");
  writeFileSync(join(cwd, "lists", "b.csv.gz"), cut("email,reason\nb@example.com,BOUNCE\n"));
  const lists = await run(cwd, "suppressions", "import", "--format", "ses", "lists");
  expect(lists).toMatchObject({ exit: 4, totals: { landed: 1 }, unreadable: [{ code: "ingest.damaged-archive" }] });
});

test("when permission is denied for a file and a folder then both are named and the rest lands", () => {
  const cwd = place();
  const folder = join(cwd, "in");
  writeFileSync(join(folder, "a.ndjson"), lines(1));
  writeFileSync(join(folder, "b.ndjson"), lines(2));
  mkdirSync(join(folder, "closed"));
  writeFileSync(join(folder, "closed", "c.ndjson"), lines(3));
  for (const name of ["b.ndjson", "closed"]) chmodSync(join(folder, name), 0);
  onTestFinished(() => chmodSync(join(folder, "closed"), 0o700));
  // Whoever runs the tests as root may read everything: then the command runs as somebody else.
  const isRoot = process.getuid?.() === 0;
  if (isRoot) chmodSync(cwd, 0o777);
  const ran = spawnSync(
    process.execPath,
    [
      "--import",
      "tsx",
      join(process.cwd(), "cli/main.ts"),
      "--home",
      join(cwd, "home"),
      "--json",
      "ingest",
      "file",
      folder,
    ],
    {
      encoding: "utf8",
      env: { ...process.env, NODE_OPTIONS: "--conditions=source", HOME: cwd, TMPDIR: cwd },
      ...(isRoot ? { uid: 65534, gid: 65534 } : {}),
    },
  );
  expect(ran.stderr).toContain("permission denied");
  expect(ran.status).toBe(4);
  const said = JSON.parse(ran.stdout) as IngestSummary;
  expect(named(said, folder)).toEqual({ "b.ndjson": "ingest.no-file", closed: "ingest.no-file" });
  expect(said.totals).toMatchObject({ received: 1, landed: 1 });
}, 60_000);
