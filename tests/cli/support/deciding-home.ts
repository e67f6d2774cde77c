import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "vitest";
import { approve, promote, submit } from "../../../release/release.ts";
import { openDesk } from "../../release/support/desk.ts";
import { writeConstantModel } from "../../serve/support/constant-model.ts";

const root = resolve(import.meta.dirname, "../../..");
const loader = pathToFileURL(join(root, "node_modules/tsx/dist/loader.mjs")).href;
export const people = 90;
export const idOf = (n: number): string => `sha256:${n.toString(16).padStart(64, "0")}`;

export type DecidingHome = Awaited<ReturnType<typeof makeDecidingHome>>;

/** A home with people, a champion and two policies, built, and the command line on it. A third of the people refuse; the second has complained. */
export async function makeDecidingHome(more: (before: (hours: number) => string) => readonly object[] = () => []) {
  const folder = mkdtempSync(join(tmpdir(), "inboxloop-decide-"));
  const home = join(folder, "home");
  const words = (more: readonly string[]) => ["--import", loader, join(root, "cli/main.ts"), "--home", home, ...more];
  const run = (more: readonly string[], env: Record<string, string> = {}) => {
    const done = spawnSync("node", words(["--quiet", "--json", ...more]), {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, ...env },
    });
    return { ...done, json: () => JSON.parse(done.stdout || JSON.stringify(done.stderr)) };
  };
  const start = (more: readonly string[], env: Record<string, string>) =>
    spawn("node", words(more), { cwd: folder, env: { ...process.env, ...env } });
  const build = (as_of?: string) =>
    run([
      "build",
      "--project",
      root,
      "--select",
      "features.decision_inputs,features.acts",
      "--include-deps",
      ...(as_of ? ["--vars", `as_of=${as_of}`] : []),
    ]);
  mkdirSync(join(folder, "policies"));
  const now = new Date();
  const before = (hours: number) => new Date(now.getTime() - hours * 3_600_000).toISOString();
  const lines = Array.from({ length: people }, (_, n) => [
    {
      table: "profiles",
      user_id_hash: idOf(n),
      isp: "gmail",
      region: "de",
      recipient_domain: "gmail.com",
      signed_up_at: before(900),
    },
    {
      table: "consents",
      user_id_hash: idOf(n),
      purpose: "activation",
      is_granted: n % 3 !== 0,
      effective_at: before(800),
    },
    { event_type: "open", event_id: `o${n}`, user_id_hash: idOf(n), message_id: `m${n}`, timestamp_utc: before(50) },
    {
      event_type: "sent",
      event_id: `s${n}`,
      user_id_hash: idOf(n),
      message_id: `m${n}`,
      campaign_id: "old",
      timestamp_utc: before(60),
    },
    ...(n === 1
      ? [
          {
            event_type: "complaint",
            event_id: "c1",
            user_id_hash: idOf(n),
            message_id: "m1",
            timestamp_utc: before(40),
          },
        ]
      : []),
  ]).flat();
  const write = (name: string, records: readonly object[]) => {
    const path = join(folder, name);
    writeFileSync(path, records.map((line) => `${JSON.stringify(line)}\n`).join(""));
    return path;
  };
  const writePolicy = (name: string, more: string) =>
    writeFileSync(
      join(folder, `policies/${name}.yaml`),
      `schema: "1"\nname: ${name}\nkind: bulk\nvariants: [{name: offer}, {name: plain}]\n${more}`,
    );
  writePolicy("newsletter", "caps: {global: [{sends: 40, per: month}]}\nhold_out: {global: 0.1}\n");
  writePolicy("winback", "caps: {per_person: [{sends: 2, days: 7}]}\npriority: 5\n");
  expect(run(["ingest", "file", write("signals.ndjson", [...lines, ...more(before)])]).status).toBe(0);
  expect(build().stderr).toBe("");
  const probabilities = { conversion: 0.1, complaint: 0.01, unsubscribe: 0.02 };
  const model = await writeConstantModel(join(home, "models"), "m1", probabilities);
  const desk = openDesk(home);
  desk.at = new Date();
  const { artefact } = model;
  await submit(desk.as("ada"), {
    version: "m1",
    model: model.digest,
    artefact,
    snapshot: "s",
    evaluation: { verdict: "pass", champion: null, failed: [], source: { kind: "computed" } },
  });
  await approve(desk.as("ben"), "m1", { artefact });
  await promote(desk.as("ben"), "m1", { artefact, evidence: null });
  return {
    folder,
    home,
    now,
    run,
    start,
    build,
    write,
    writePolicy,
    as: desk.as,
    /** People with rights, who enforce the approvals of what is of high risk. */
    enforce: () => {
      desk.people.rights.enforce.push("high");
      desk.write(join(home, "governance"));
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
