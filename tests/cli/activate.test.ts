import { once } from "node:events";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Call, type LoopbackAnswer, loopback } from "../support/loopback.ts";
import { type DecidingHome, idOf, makeDecidingHome, people } from "./support/deciding-home.ts";

let at: DecidingHome;
let hook: Awaited<ReturnType<typeof loopback>>;
let answer: (call: Call, n: number) => LoopbackAnswer = () => ({ status: 200 });
const secret = `whsec_${Buffer.alloc(32, 5).toString("base64")}`;
const domain = "mailbox-of-nobody.example";
const addressOf = (n: number): string => `zq-reader-${n}@${domain}`;

beforeAll(async () => {
  at = await makeDecidingHome();
  hook = await loopback((call, n) => answer(call, n));
  at.writePolicy(
    "plain",
    "rules: [{name: all, variant: plain, approved: {by: ada, at: '2026-11-01'}}]\nladder: [rule, suppress]\n",
  );
  writeFileSync(
    join(at.folder, "people.csv"),
    `id,address,name\n${Array.from({ length: people }, (_, n) => `${idOf(n)},${addressOf(n)},"Reader, ${n}"\n`).join("")}`,
  );
  writeFileSync(
    join(at.folder, "activation.yaml"),
    `schema: "1"
addresses: {kind: file, path: people.csv}
unsubscribe_base: https://mail.example.com
receivers:
  hook: {kind: webhook, url: "${hook.url}/mails", secret_env: HOOK_SECRET, rate_per_second: 2000, first_wait_seconds: 0.01, longest_wait_seconds: 1}
  drop: {kind: file, folder: out, rows: 25}
  sendgrid: {kind: sendgrid, endpoint: "${hook.url}", from: news@example.com, templates: {plain: d-1}}
`,
  );
});
afterAll(async () => {
  await hook?.close();
  at?.close();
});

interface Outcome {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
  readonly stdout: string;
  json(): Record<string, never> & { readonly state: string; readonly counts: Readonly<Record<string, number>> };
}
/** The command, while this process answers its calls. */
async function activate(words: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  const child = at.start(["--quiet", "--json", "activate", ...words], { HOOK_SECRET: secret, ...env });
  let stdout = "";
  let stderr = "";
  child.stdout!.on("data", (chunk) => {
    stdout += String(chunk);
  });
  child.stderr!.on("data", (chunk) => {
    stderr += String(chunk);
  });
  await once(child, "close");
  return { status: child.exitCode, signal: child.signalCode, stdout, stderr, json: () => JSON.parse(stdout || stderr) };
}

const sentOf = (campaign: string) =>
  at
    .run([
      "query",
      `select user_id_hash, message_id, json_value(metadata, '$.variant') as variant, provenance from raw.events where event_type = 'sent' and campaign_id = '${campaign}'`,
    ])
    .json().rows as { user_id_hash: string; message_id: string; variant: string; provenance: string }[];

/** Files below the home in which a text stands, byte for byte or as UTF-16. */
function filesWith(text: string, folder = at.home): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return filesWith(text, path);
    const bytes = readFileSync(path);
    return bytes.includes(text) || bytes.includes(Buffer.from(text, "utf16le")) ? [path] : [];
  });
}

test("when hand-overs are killed at each durable step, then each mail is taken once, signed, and lands as sent", async () => {
  expect(at.run(["decide", "--campaign", "spring=plain", "--occasion", "o1"]).status).toBe(0);
  const words = ["--campaign", "spring", "--to", "hook"];
  const dry = (await activate([...words, "--dry-run"])).json();
  expect(dry).toMatchObject({ state: "dry-run", counts: { go: people - people / 3 - 1 } });
  expect(hook.calls).toHaveLength(0);
  expect(JSON.stringify(dry)).not.toContain(domain);

  // heard after the decision, before the hand-over: no build in between
  const gone = [4, 5, 7];
  expect(
    at.run([
      "ingest",
      "file",
      at.write("left.ndjson", [
        { event_type: "unsubscribe", user_id_hash: idOf(4), message_id: "x", timestamp_utc: new Date().toISOString() },
        { event_type: "complaint", user_id_hash: idOf(5), message_id: "x", timestamp_utc: new Date().toISOString() },
        { table: "erasure_requests", user_id_hash: idOf(7), requested_at: new Date().toISOString() },
      ]),
    ]).status,
  ).toBe(0);

  const taken = new Map<string, string>();
  const seen: string[] = [];
  const webhook = new Webhook(secret);
  let isBusy = 0;
  answer = ({ body, headers }) => {
    const { data } = webhook.verify(body, headers as Record<string, string>) as {
      data: {
        user_id_hash: string;
        decision_id: string;
        unsubscribe_url: string;
        to: { address: string; name: string };
      };
    };
    const n = Number.parseInt(data.user_id_hash.slice(7), 16);
    expect(data.to).toEqual({ address: addressOf(n), name: `Reader, ${n}` });
    expect(data.unsubscribe_url).toMatch(/^https:\/\/mail\.example\.com\/unsubscribe\/./);
    seen.push(data.user_id_hash);
    if (isBusy++ % 7 === 3) return { status: 503, headers: { "retry-after": "0" } };
    // The receiver takes a key once, as the settings say of it.
    taken.set(String(headers["webhook-id"]), data.user_id_hash);
    return { status: 200 };
  };
  for (const point of [
    "outbox-checked:1",
    "outbox-claimed:1",
    "outbox-claimed:5",
    "outbox-answered:6",
    "outbox-settled:7",
    "outbox-landed:1",
  ]) {
    const killed = await activate(words, { INBOXLOOP_FAULT_AT: point });
    expect(killed.signal, `${point} ${killed.stderr}`).toBe("SIGKILL");
  }
  const done = await activate(words);
  expect(done.stderr).toBe("");
  expect(done.json()).toMatchObject({ to: "hook", state: "done", next_at: null });
  expect((await activate(words)).json()).toMatchObject({ state: "done", counts: {} });

  const expected = people - people / 3 - 1 - gone.length;
  const wanted = Array.from({ length: people }, (_, n) => n).filter((n) => n % 3 !== 0 && n !== 1 && !gone.includes(n));
  expect([...taken.values()].sort()).toEqual(wanted.map(idOf).sort());
  expect(taken.size).toBe(expected);
  for (const n of gone) expect(seen).not.toContain(idOf(n));

  const landed = sentOf("spring");
  expect(landed.map((row) => row.user_id_hash).sort()).toEqual(wanted.map(idOf).sort());
  expect(landed[0]).toMatchObject({ variant: "plain", provenance: "activation/hook" });
  expect(new Set(landed.map((row) => row.message_id)).size).toBe(expected);
});

test("when everything in the home is searched, then no address is there", () => {
  expect(filesWith(domain)).toEqual([]);
  expect(filesWith("zq-reader-")).toEqual([]);
});

test("when a mail is asked about, then its hand-over is told", () => {
  const mailed = at.run(["why", idOf(8)]).json();
  expect(mailed.hand_over).toMatchObject({ state: "handed_over", to: "hook", reason: null });
  expect(at.run(["why", idOf(5)]).json().hand_over).toMatchObject({ state: "withheld", reason: "suppressed" });
});

test("when SendGrid does not answer, then mails are held, and one that an event names is handed over", async () => {
  expect(at.run(["decide", "--campaign", "autumn=plain", "--occasion", "o2"]).status).toBe(0);
  const words = ["--campaign", "autumn", "--to", "sendgrid"];
  const env = { SENDGRID_API_KEY: "SG.key" };
  answer = () => ({ status: 401 });
  const refused = await activate(words, env);
  expect(refused.status).toBe(3);
  expect(refused.json()).toMatchObject({ state: "stopped", stopped_by: { kind: "set-up", reason: "401" } });

  const asked = new Map<string, number>();
  answer = ({ body }) => {
    const [{ custom_args }] = JSON.parse(body).personalizations;
    const id = custom_args.inboxloop_message_id as string;
    asked.set(id, (asked.get(id) ?? 0) + 1);
    return asked.size % 10 === 0 ? { status: 202, hangUp: true } : { status: 202, headers: { "x-message-id": id } };
  };
  const killed = await activate(words, { ...env, INBOXLOOP_FAULT_AT: "outbox-answered:15" });
  expect(killed.signal).toBe("SIGKILL");
  const done = (await activate(words, env)).json();
  expect(done.state).toBe("done");
  const held = Number(done.counts["in_doubt"]);
  expect(held).toBeGreaterThan(2);
  expect([...asked.values()].every((n) => n === 1)).toBe(true);

  // SendGrid's own event of one of them
  const lost = [...asked.keys()].filter((_, n) => (n + 1) % 10 === 0);
  const [{ user_id_hash }] = at
    .run(["query", `select user_id_hash from raw.decisions where message_id = '${lost[0]}'`])
    .json().rows;
  const event = { event_type: "delivered", user_id_hash, message_id: lost[0], timestamp_utc: new Date().toISOString() };
  expect(at.run(["ingest", "file", at.write("delivered.ndjson", [event])]).status).toBe(0);
  expect((await activate(words, env)).json()).toMatchObject({ counts: { handed_over: 1 } });
  expect([...asked.values()].every((n) => n === 1)).toBe(true);
});

test("when mails go to a folder and the run is killed, then each stands in one file", async () => {
  expect(at.run(["decide", "--campaign", "winter=plain", "--occasion", "o3"]).status).toBe(0);
  const words = ["--campaign", "winter", "--to", "drop"];
  for (const point of ["outbox-claimed:1", "outbox-answered:1", "outbox-settled:1"])
    expect((await activate(words, { INBOXLOOP_FAULT_AT: point })).signal).toBe("SIGKILL");
  expect((await activate(words)).json()).toMatchObject({ state: "done" });
  const folder = join(at.folder, "out");
  const rows = readdirSync(folder).flatMap((file) =>
    readFileSync(join(folder, file), "utf8").trim().split("\r\n").slice(1),
  );
  const ids = rows.map((row) => row.slice(0, row.indexOf(",")));
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.length).toBe(people - people / 3 - 1 - 3);
  // Whoever takes the files says what was sent.
  expect(sentOf("winter")).toEqual([]);
});

test("when all of it is done, then still no address is in the home", () => {
  expect(filesWith(domain)).toEqual([]);
});
