import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, expect, test } from "vitest";
import { releaseLogFile } from "../../cli/release-log.ts";
import { approve, promote, rollback, submit } from "../../release/release.ts";
import { loadModels } from "../../serve/models-in-force.ts";
import type { OnlineStore } from "../../serve/online/store.ts";
import { ReleaseWatch } from "../../serve/release-watch.ts";
import { key, now, personOf } from "../policy/cases.ts";
import { type Desk, openDesk } from "../release/support/desk.ts";
import { openBench, stored } from "./support/bench.ts";
import { writeConstantModel } from "./support/constant-model.ts";

let bench: Awaited<ReturnType<typeof openBench>> | undefined;
afterEach(async () => {
  await bench?.close();
  bench = undefined;
});
type Bench = Awaited<ReturnType<typeof openBench>>;
const question = { request_id: "r1", user_id_hash: personOf(1), policy: "newsletter" };
const hour = 3_600_000;
const none = { lineup: { champion: null, canary: null, shadow: null } };
const putPerson = (fields: Parameters<typeof stored>[1]) => async (opened: Bench) => {
  await opened.store.transact((tx) => tx.putPerson(personOf(1), stored(personOf(1), fields)));
};
const throwing = (store: OnlineStore): OnlineStore => ({
  ...store,
  person: () => {
    throw new Error("MDB_PANIC");
  },
});

interface Injection {
  readonly options?: Parameters<typeof openBench>[0];
  readonly inject?: (opened: Bench) => Promise<unknown> | unknown;
  readonly status?: number;
  readonly expected: object;
}
const rule = { rung: "rule", variant: "story", action: "send" };
const nothing = { rung: "suppress", action: "suppress", variant: null };
/** Each failure of the table in docs/reference/decisions.md that one call meets. */
const injections: Readonly<Record<string, Injection>> = {
  "scoring-timeout": {
    options: { policy: { latency: { scoring_ms: 5 } }, env: { score: () => new Promise(() => {}) } },
    expected: rule,
  },
  "scoring-error": {
    options: {
      env: {
        score: () => {
          throw new RangeError("memory");
        },
      },
    },
    expected: rule,
  },
  "model-missing": {
    inject: async (opened) => {
      const models = await loadModels(opened.models, none.lineup, key);
      Object.assign(opened.env, { inForce: () => ({ models, pauses: [], trouble: undefined }) });
    },
    expected: rule,
  },
  "features-stale": { inject: putPerson({ as_of: now - 30 * hour }), expected: { rung: "category", variant: "plain" } },
  "features-missing": {
    inject: putPerson({ values: { favourite_category: "garden" } }),
    expected: { rung: "category", variant: "offer" },
  },
  "features-version": { inject: putPerson({ features_version: "0" }), expected: rule },
  "person-unknown": {
    inject: (opened) => {
      question.user_id_hash = personOf(77);
      void opened;
    },
    expected: nothing,
  },
  "identity-conflict": { inject: putPerson({ identity: "conflict" }), expected: { rung: "category" } },
  "governance-stale": { inject: putPerson({ as_of: now - 72 * hour }), expected: nothing },
  "clock-skew": { inject: putPerson({ as_of: now + 3 * hour }), expected: nothing },
  "store-down": {
    inject: (opened) => Object.assign(opened.env, { store: throwing(opened.store) }),
    status: 503,
    expected: { ...nothing, reason: "not-durable" },
  },
  "policy-unknown": {
    inject: (opened) => Object.assign(opened.env, { policies: () => new Map() }),
    status: 404,
    expected: { error: "unknown-policy" },
  },
};

test.each(Object.entries(injections))(
  "when there is %s, then what is decided is its rung, and it is counted",
  async (failure, one) => {
    question.user_id_hash = personOf(1);
    bench = await openBench(one.options);
    await one.inject?.(bench);
    const { status, body } = await bench.ask(question);
    expect(status).toBe(one.status ?? 200);
    expect(body).toMatchObject(one.expected);
    expect(await bench.failures()).toMatchObject({ [failure]: expect.any(Number) });
  },
);

test("when the table of failures is read, then each of them is injected by a test of this file", () => {
  const page = readFileSync(resolve(import.meta.dirname, "../../docs/reference/decisions.md"), "utf8");
  const table = page.slice(page.indexOf("## What fails"));
  const listed = [...table.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name);
  // The last three are of the service as a whole: below, and in tests/cli/serve.test.ts.
  expect(listed.sort()).toEqual([...Object.keys(injections), "model-refused", "policy-invalid", "release-log"].sort());
});

/** m1 is released: offered, approved and promoted by two people. */
async function release(opened: Bench): Promise<Desk> {
  const desk = openDesk(opened.folder);
  const { version, digest, artefact } = opened.loaded.lineup.champion!;
  await submit(desk.as("ada"), {
    version,
    model: digest,
    artefact,
    snapshot: "s",
    evaluation: { verdict: "pass", champion: null, failed: [], source: { kind: "computed" } },
  });
  await approve(desk.as("ben"), version, { artefact });
  await promote(desk.as("ben"), version, { artefact, evidence: null });
  return desk;
}
const watchOf = (opened: Bench) => ({
  log: releaseLogFile(join(opened.folder, "release_log.ndjson")),
  models: async () => opened.models,
  key,
  lastGood: join(opened.folder, "in-force.json"),
});

test("when a version is promoted and rolled back, then the next look has it and loses it, without a start", async () => {
  bench = await openBench();
  const options = watchOf(bench);
  const watch = await ReleaseWatch.open(options);
  expect(watch.current.models.lineup.champion).toBeNull();
  const desk = await release(bench);
  expect(await watch.look()).toBe(true);
  expect(watch.current.models.assign(personOf(1))).toMatchObject({ kind: "model", version: "m1" });
  await rollback(desk.as("ben"), "m1", "complaints");
  await watch.look();
  expect(watch.current.models.assign(personOf(1))).toEqual({ kind: "none", reason: "no-champion" });
  watch.close();
});

test("when the log is torn or gone, then what it said last stands, after a start too", async () => {
  bench = await openBench();
  const options = watchOf(bench);
  await release(bench);
  const watch = await ReleaseWatch.open(options);
  appendFileSync(options.log.where, '{"not":"an entry"}\n');
  await watch.look();
  expect(watch.current).toMatchObject({
    trouble: expect.any(String),
    models: { lineup: { champion: { version: "m1" } } },
  });
  const again = await ReleaseWatch.open(options);
  expect(again.current).toMatchObject({
    trouble: expect.any(String),
    models: { lineup: { champion: { version: "m1" } } },
  });
  expect(again.current.models.assign(personOf(1)).kind).toBe("model");
  rmSync(options.log.where);
  await watch.look();
  expect(watch.current.models.lineup.champion?.version).toBe("m1");
  watch.close();
  again.close();
});

test("when a model on disk is not the one that was released, then it is refused, and the rules decide", async () => {
  bench = await openBench();
  const released = bench.loaded.lineup.champion!;
  await writeConstantModel(bench.models, "m1", { conversion: 0.9 });
  const models = await loadModels(bench.models, { ...none.lineup, champion: released }, key);
  expect(models.refused).toEqual({ m1: "model.changed" });
  writeFileSync(join(bench.models, "m1", "model.json"), "{}");
  expect((await loadModels(bench.models, { ...none.lineup, champion: released }, key)).refused).toEqual({
    m1: "model.record",
  });
  Object.assign(bench.env, { inForce: () => ({ models, pauses: [], trouble: undefined }) });
  expect((await bench.ask(question)).body).toMatchObject({ rung: "rule" });
});

test("when a shadow stands by, then it decides beside the champion, and nobody gets what it says", async () => {
  bench = await openBench();
  const shadow = await writeConstantModel(bench.models, "m2", { conversion: 0 }, { variants: ["plain", "story"] });
  const models = await loadModels(bench.models, { ...bench.loaded.lineup, shadow }, key, bench.loaded);
  Object.assign(bench.env, { inForce: () => ({ models, pauses: [], trouble: undefined }) });
  expect((await bench.ask(question)).body).toMatchObject({ variant: "offer", model: { version: "m1" } });
  expect(JSON.parse(bench.store.queued(0, 1)[0]!.text).attributes).toMatchObject({
    shadow: { version: "m2", variant: null, value: 0 },
  });
});

test("when a canary runs, then a person stays in one arm, and about its share of people is the candidate's", async () => {
  bench = await openBench();
  const canary = { ...(await writeConstantModel(bench.models, "m2", { conversion: 0.2 })), share: 0.25 };
  const models = await loadModels(bench.models, { ...bench.loaded.lineup, canary }, key, bench.loaded);
  const people = Array.from({ length: 4000 }, (_, n) => personOf(n));
  const armOf = (id: string) => {
    const one = models.assign(id);
    return one.kind === "model" ? one.arm : "none";
  };
  const arms = people.map(armOf);
  expect(people.map(armOf)).toEqual(arms);
  const share = arms.filter((arm) => arm === "candidate").length / people.length;
  expect(Math.abs(share - 0.25)).toBeLessThan(4 * Math.sqrt((0.25 * 0.75) / people.length));
});
