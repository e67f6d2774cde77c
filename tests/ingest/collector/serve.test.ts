// The collector as a process: killed and stopped as an operator's machine would.

import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { resolve } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { consumeSpool } from "../../../ingest/bus/consume-spool.ts";
import { loadIngestKeys } from "../../../ingest/door/keys.ts";
import { verifyLedger } from "../../../ingest/segments/verify.ts";
import { rowsOf, temporaryFolder, testContext } from "../support.ts";

const root = resolve(import.meta.dirname, "../../..");
const key = "a-key-that-is-long-enough";
const publicKey = generateKeyPairSync("ec", { namedCurve: "P-256" })
  .publicKey.export({ type: "spki", format: "der" })
  .toString("base64");

async function serve(
  home: string,
  ...more: string[]
): Promise<{ readonly url: string; readonly process: ChildProcess; readonly said: () => string }> {
  const args = ["--import", "tsx", "cli/main.ts", "--home", home, "ingest", "serve", "--port", "0", ...more];
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, INBOXLOOP_API_KEY_APP: key, INBOXLOOP_HOOK_SENDGRID_PUBLIC_KEY: publicKey },
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let said = "";
  child.stdout!.on("data", (chunk) => {
    said += String(chunk);
  });
  const url = await new Promise<string>((found, failed) => {
    child.stderr!.on("data", (chunk) => {
      said += String(chunk);
      const address = /listening on (\S+)/.exec(said)?.[1];
      if (address) found(address);
    });
    child.once("exit", (code) => failed(new Error(`it ended with ${code}: ${said}`)));
  });
  return { url, process: child, said: () => said };
}

const send = (url: string, id: string) =>
  fetch(`${url}/v1/events`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}` },
    body: JSON.stringify({
      event_id: id,
      event_type: "open",
      user_id: "reader@example.org",
      message_id: id,
      timestamp_utc: "2026-01-31T09:00:00Z",
    }),
  });

const ended = (child: ChildProcess) => new Promise<number | null>((done) => child.once("exit", (code) => done(code)));

test("when the collector is killed under load then every event it answered 202 lands, exactly once", async () => {
  const home = temporaryFolder();
  const accepted = new Set<string>();
  for (const round of [1, 2]) {
    const { url, process: child } = await serve(home);
    const gone = ended(child);
    let n = 0;
    const clients = Array.from({ length: 8 }, async () => {
      for (;;) {
        const id = `r${round}-${n++}`;
        try {
          const answer = await send(url, id);
          if (answer.status === 202) accepted.add(id);
        } catch {
          return; // killed
        }
        if (accepted.size >= round * 150) child.kill("SIGKILL");
      }
    });
    await Promise.all([...clients, gone]);
  }
  const raw = `${home}/raw`;
  const keys = loadIngestKeys({}, `${home}/state`, () => {
    throw new Error("the collector made the keys");
  });
  const context = testContext(raw, { keys, now: () => new Date() });
  await consumeSpool(context, { spool: `${home}/spool`, isDraining: () => true }, new AbortController().signal);
  const ids = (await rowsOf(raw, "events")).map((row) => String(row["event_id"]));
  expect(new Set(ids).size).toBe(ids.length);
  expect([...accepted].filter((id) => !ids.includes(id))).toEqual([]);
  expect(accepted.size).toBeGreaterThanOrEqual(300);
  expect((await verifyLedger(raw)).ok).toBe(true);
});

test("when it is told to stop then it lands what it accepted and exits 0", async () => {
  const home = temporaryFolder();
  const { url, process: child, said } = await serve(home, "--with-pipeline");
  for (let n = 0; n < 20; n++) expect((await send(url, `e${n}`)).status).toBe(202);
  const second = spawn(
    process.execPath,
    ["--import", "tsx", "cli/main.ts", "--home", home, "ingest", "serve", "--port", "0"],
    {
      cwd: root,
      env: { ...process.env, INBOXLOOP_API_KEY_APP: key },
      stdio: "ignore",
    },
  );
  expect(await ended(second)).toBe(5); // one collector a spool
  const gone = ended(child);
  child.kill("SIGTERM");
  expect(await gone).toBe(0);
  expect(said()).toContain("20 messages accepted; received 20 = landed 20 + duplicate 0 + dead letter 0");
  expect(await rowsOf(`${home}/raw`, "events")).toHaveLength(20);
});

test("when nobody listens to what it says any more then it goes on", async () => {
  const home = temporaryFolder();
  const { url, process: child } = await serve(home);
  child.stderr!.destroy();
  child.stdout!.destroy();
  for (let n = 0; n < 20; n++) {
    const forged = await fetch(`${url}/v1/events`, {
      method: "POST",
      headers: { authorization: "Bearer x" },
      body: "{}",
    });
    expect(forged.status).toBe(401);
    const unknown = await fetch(`${url}/hooks/sendgrid`, { method: "POST", body: "[]" });
    expect(unknown.status).toBe(401); // said on stderr, line by line
    expect((await send(url, `e${n}`)).status).toBe(202);
  }
  const gone = ended(child);
  child.kill("SIGTERM");
  expect([0, 141]).toContain(await gone); // the result has nobody to go to either
});
