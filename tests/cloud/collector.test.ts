import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectBigQuery } from "../../warehouse/bigquery/connect.ts";
import type { Warehouse } from "../../warehouse/warehouse.ts";
import { environmentOf, ownBigQuery } from "./support/own-bigquery.ts";
import { root } from "./support/run-node.ts";

/** `inboxloop ingest serve --with-pipeline --to bigquery`: one process from HTTP over the spool to BigQuery. */
const bigquery = await ownBigQuery();
let folder: string;
let warehouse: Warehouse;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "inboxloop-cloud-"));
  warehouse = await connectBigQuery({ projectId: "collector", ...bigquery });
});
afterAll(async () => {
  await warehouse?.close();
  await rm(folder, { recursive: true, force: true });
});

const event = (n: number) => ({
  event_id: `e${n}`,
  event_type: "open",
  user_id: `reader${n}@example.org`,
  message_id: `m${n}`,
  campaign_id: "promo-202601",
  timestamp_utc: "2026-01-31T09:00:00Z",
  consent: true,
  provenance: "app",
  metadata: { isp: "gmail" },
});

test("when events are posted to the collector then they are in BigQuery without an address, and it stops well", async () => {
  const child = spawn(
    process.execPath,
    [
      ...["--import", "tsx", "cli/main.ts", "ingest", "serve", "--port", "0", "--with-pipeline"],
      ...["--to", "bigquery", "--project", "collector", "--location", "US", "--home", folder, "--json"],
    ],
    {
      cwd: root,
      env: {
        PATH: process.env["PATH"] ?? "",
        INBOXLOOP_API_KEY_APP: "a key of the cloud tests",
        ...environmentOf(bigquery),
      },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  try {
    let result = "";
    child.stdout.on("data", (chunk: Buffer) => {
      result += chunk;
    });
    let address = "";
    for await (const line of createInterface({ input: child.stderr })) {
      address = /listening on (http:\S+)/.exec(line)?.[1] ?? "";
      if (address !== "") break;
    }
    child.stderr.resume();
    const answer = await fetch(`${address}/v1/events`, {
      method: "POST",
      headers: { authorization: "Bearer a key of the cloud tests", "content-type": "application/json" },
      body: JSON.stringify([event(1), event(2), event(2), { nonsense: true }]),
    });
    expect(answer.status).toBe(202);
    // What waits in the spool longer than a drain may take would be landed by the next one to start.
    const landed = async () =>
      Number((await warehouse.query("select count(*) as n from raw.ingest_ledger")).rows[0]?.["n"]);
    for (let tries = 0; tries < 120 && !((await landed().catch(() => 0)) > 0); tries++) await sleep(1000);
    child.kill("SIGTERM");
    const [code] = await once(child, "close");
    expect(code).toBe(0);
    expect(JSON.parse(result)).toMatchObject({ landed: { received: 4, landed: 2, duplicate: 1, dead_letter: 1 } });
  } finally {
    child.kill("SIGKILL");
  }
  const { rows } = await warehouse.query(
    "select event_id, user_id_hash, to_json_string(e) as line from raw.events as e order by 1",
  );
  expect(rows.map((row) => row["event_id"])).toEqual(["e1", "e2"]);
  for (const row of rows) {
    expect(row["user_id_hash"]).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(row["line"]).not.toContain("@");
  }
  expect((await warehouse.query("select reason, payload is not null as kept from raw.dead_letters")).rows).toHaveLength(
    1,
  );
  expect((await warehouse.query("select sum(received) as n from raw.ingest_ledger")).rows).toEqual([{ n: 4n }]);
});
