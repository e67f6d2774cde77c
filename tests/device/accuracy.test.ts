import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Asked, readTime, type Store, summaryReading } from "../../packages/device/index.ts";
import { type Epsilon, type Reading, readings, secondsGrid } from "../../packages/device/mechanisms.ts";
import { worldConfig } from "../../simulate/config.ts";
import { writeWorld } from "../../simulate/write-world.ts";
import { compileProject } from "../../warehouse/dataform/compile.ts";
import { type DuckDbWarehouse, openDuckDbWarehouse } from "../../warehouse/duckdb/adapter.ts";
import { readCsv } from "../simulate/world-files.ts";

/** As often do all devices of a campaign report, each time anew: so often is an interval asked whether the truth lies in it. */
const rounds = 100;
const dir = mkdtempSync(join(tmpdir(), "inboxloop-devices-"));

interface Device {
  readonly reading: Reading;
  readonly seconds: number;
}

let devices: readonly Device[];
let warehouse: DuckDbWarehouse;
let queries: Readonly<Record<"device_answers" | "device_read_times", string>>;

beforeAll(async () => {
  await writeWorld(worldConfig({ seed: 7, events: 60_000 }), dir);
  const byCampaign = new Map<string, Map<string, Device>>();
  for (const one of readCsv(join(dir, "truth", "devices.csv"))) {
    const of = byCampaign.get(one["campaign_id"]!) ?? new Map<string, Device>();
    byCampaign.set(one["campaign_id"]!, of);
    // a device answers once for a campaign, whatever else it gets of it
    if (!of.has(one["user_id"]!))
      of.set(one["user_id"]!, { reading: one["reading"] as Reading, seconds: Number(one["read_seconds"]) });
  }
  devices = [...[...byCampaign.values()].sort((a, b) => b.size - a.size)[0]!.values()];
  const { graph } = await compileProject({ projectDir: resolve(import.meta.dirname, "../..") });
  const queryOf = (name: string) => {
    const found = graph.actions.find((action) => action.target.name === name && "query" in action);
    return found && "query" in found ? found.query : "";
  };
  queries = { device_answers: queryOf("device_answers"), device_read_times: queryOf("device_read_times") };
  warehouse = await openDuckDbWarehouse({ path: ":memory:", threads: 1 });
  await warehouse.execute("create schema staging; create schema monitoring");
});
afterAll(async () => {
  await warehouse?.close();
  rmSync(dir, { recursive: true, force: true });
});

const forgetful = (): Store => {
  const kept = new Map<string, string>();
  return { get: (key) => kept.get(key), set: (key, text) => void kept.set(key, text) };
};

/** What the models say of each round at an epsilon; a round is a campaign to them. */
async function estimated(epsilon: Epsilon) {
  const counts: string[] = [];
  for (let round = 0; round < rounds; round++) {
    const asked: Asked = { campaign: `round-${round}`, period: "2026-01-26", epsilon };
    const given = new Map<string, number>();
    const count = (mechanism: string, answer: string | number) => {
      const key = `'${mechanism}', '${answer}'`;
      given.set(key, (given.get(key) ?? 0) + 1);
    };
    for (const { reading, seconds } of devices) {
      const store = forgetful();
      count("summary_reading_v1", readings[summaryReading(asked, reading, store).answer]!);
      count("read_time_v1", secondsGrid[readTime(asked, seconds, store).answer]!);
    }
    for (const [key, times] of given) counts.push(`struct('round-${round}', ${key}, ${times})`);
  }
  await warehouse.execute(`
    create or replace table staging.stg_raw__device_reports as
    select campaign_id, date '2026-01-26' as period_date, mechanism, '${epsilon}' as epsilon, device_answer
    from unnest(array<struct<campaign_id string, mechanism string, device_answer string, times int64>>[${counts.join(", ")}]), unnest(generate_array(1, times))`);
  await warehouse.execute(`create or replace table monitoring.device_answers as ${queries.device_answers}`);
  const answers = await warehouse.query(
    "select device_answer as answer, answer_share as share, answer_share_error as error from monitoring.device_answers where device_question = 'summary_reading'",
  );
  const times = await warehouse.query(
    `select read_seconds_mean as seconds, read_seconds_error as error from (${queries.device_read_times})`,
  );
  return { answers: answers.rows, times: times.rows };
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
/** What the mean of all rounds may lie beside the truth by chance: 4.5 of its errors. */
const beside = (errors: readonly number[]) => (4.5 * mean(errors)) / Math.sqrt(rounds);
const within = (value: unknown, error: unknown, truth: number) =>
  Math.abs(Number(value) - truth) <= 1.96 * Number(error);

describe("what devices of the simulated world report, each once", () => {
  test.each([0.5, 1, 2, 3] as const)(
    "at an epsilon of %s the truth lies in the interval as often as is said",
    async (epsilon) => {
      expect(devices.length).toBeGreaterThan(800);
      const { answers, times } = await estimated(epsilon);
      expect([answers.length, times.length]).toEqual([rounds * readings.length, rounds]);
      for (const reading of readings) {
        const truth = mean(devices.map((one) => Number(one.reading === reading)));
        const own = answers.filter(({ answer }) => answer === reading);
        const covered = mean(own.map(({ share, error }) => Number(within(share, error, truth))));
        // 95 of 100 as far as the rounds can tell; the estimates lie around the truth, and as far from it as their errors say
        expect(covered, reading).toBeGreaterThan(0.85);
        const errors = own.map(({ error }) => Number(error));
        expect(Math.abs(mean(own.map(({ share }) => Number(share))) - truth)).toBeLessThan(beside(errors));
        // an error is that of devices drawn from many: which of them there are is no chance here
        const drawn = (truth * (1 - truth)) / devices.length;
        const spread = Math.sqrt(mean(own.map(({ share }) => (Number(share) - truth) ** 2)) + drawn);
        expect(spread / mean(errors)).toBeGreaterThan(0.75);
        expect(spread / mean(errors)).toBeLessThan(1.3);
      }
      const truth = mean(devices.map(({ seconds }) => Math.min(64, seconds)));
      const errors = times.map(({ error }) => Number(error));
      const covered = mean(times.map(({ seconds, error }) => Number(within(seconds, error, truth))));
      expect(covered).toBeGreaterThan(0.85);
      expect(Math.abs(mean(times.map(({ seconds }) => Number(seconds))) - truth)).toBeLessThan(beside(errors));
    },
  );
});
