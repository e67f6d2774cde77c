import { createRequire } from "node:module";
import { join } from "node:path";
import { expect, test } from "vitest";
import deviceReports from "../../includes/device_reports.js";
import { type Asked, type Report, readTime, type Store, summaryReading } from "../../packages/device/index.ts";
import { draws, type Epsilon, mechanisms, readings, secondsGrid } from "../../packages/device/mechanisms.ts";
import { randomised, rounded } from "../../packages/device/randomise.ts";

const epsilons: readonly Epsilon[] = [0.5, 1, 2, 3];
const cases = Object.entries(mechanisms).flatMap(([name, mechanism]) =>
  epsilons.map((epsilon) => ({ name, mechanism, epsilon })),
);

const store = (kept = new Map<string, string>()): Store => ({
  get: (key) => kept.get(key),
  set: (key, text) => void kept.set(key, text),
});
const asked: Asked = { campaign: "promo-202601", period: "2026-01-26", epsilon: 1 };

/** A lower and an upper bound of e^epsilon as fractions of whole numbers, by its series; epsilon is a number of halves. */
function bounds(epsilon: number): { readonly low: bigint; readonly high: bigint; readonly under: bigint } {
  const under = 10n ** 40n;
  let term = under;
  let sum = 0n;
  for (let n = 1n; n < 60n; n++) {
    sum += term;
    term = (term * BigInt(epsilon * 2)) / (2n * n);
  }
  return { low: sum, high: sum + 1000n, under };
}

test.each(cases)(
  "when every draw of $name at $epsilon is gone through then no answer is more than e^epsilon times as probable for one truth as for another",
  ({ mechanism, epsilon }) => {
    const counts = Array.from({ length: mechanism.answers }, (_, truth) => {
      const given = new Array<number>(mechanism.answers).fill(0);
      for (let one = 0; one < draws; one++) given[randomised(mechanism, epsilon, truth, () => one)]! += 1;
      expect(given.reduce((sum, n) => sum + n)).toBe(draws);
      return given;
    });
    const { low, high, under } = bounds(epsilon);
    let worst = 0;
    for (let answer = 0; answer < mechanism.answers; answer++)
      for (const one of counts)
        for (const other of counts) {
          expect(BigInt(one[answer]!) * under <= BigInt(other[answer]!) * low).toBe(true);
          worst = Math.max(worst, one[answer]! / other[answer]!);
        }
    // and the promise is used up: with one draw less for each other answer it would be broken
    const width = mechanism.widths[epsilon] - 1;
    expect(BigInt(draws - (mechanism.answers - 1) * width) * under > BigInt(width) * high).toBe(true);
    expect(Math.log(worst)).toBeGreaterThan(epsilon - 0.001);
  },
);

test("when the models' figures of the mechanisms are read then they are those of the library", () => {
  const theirs = deviceReports.mechanisms.map(({ name, answers, widths }) => [
    name,
    { answers: answers.length, widths },
  ]);
  expect(Object.fromEntries(theirs)).toEqual(mechanisms);
  expect(deviceReports.draws).toBe(draws);
  expect(deviceReports.epsilons.map(Number)).toEqual(epsilons);
  expect(deviceReports.mechanisms.map(({ answers }) => answers)).toEqual([[...readings], secondsGrid.map(String)]);
});

test("when a time is rounded by every draw then its mean is the time, cut to the grid", () => {
  for (let seconds = 0; seconds <= 70; seconds++) {
    let sum = 0;
    for (let one = 0; one < draws; one += 1) sum += secondsGrid[rounded(seconds, () => one)]!;
    expect(sum / draws).toBe(Math.min(seconds, 64));
  }
  expect([rounded(5.9, () => 0), rounded(5.9, () => draws - 1)]).toEqual([3, 2]);
});

test("when a device reports then only what the door knows leaves it, and the answer is one of the mechanism's", () => {
  const report = summaryReading(asked, "expanded", store());
  expect(report).toEqual({
    report_id: expect.stringMatching(/^[0-9a-f]{32}$/),
    campaign_id: "promo-202601",
    period_at: "2026-01-26T00:00:00Z",
    mechanism: "summary_reading_v1",
    epsilon: 1,
    answer: expect.any(Number),
  });
  expect(readTime(asked, 12, store())).toMatchObject({ mechanism: "read_time_v1" });
});

test("when a device is asked again then it says what it said, whatever is true by now; elsewhere and later it draws anew", () => {
  const kept = store();
  const first = summaryReading(asked, "none", kept);
  for (const reading of readings)
    for (let again = 0; again < 50; again++) {
      expect(summaryReading(asked, reading, kept)).toEqual(first);
      expect(summaryReading({ ...asked, epsilon: 3 }, reading, kept)).toEqual(first);
    }
  const others = [
    readTime(asked, 3, kept),
    summaryReading({ ...asked, campaign: "promo-202602" }, "none", kept),
    summaryReading({ ...asked, period: "2026-02-02" }, "none", kept),
  ];
  const ids = [first, ...others].map(({ report_id }) => report_id);
  expect(new Set(ids).size).toBe(4);
});

test("when the store forgets, or holds what cannot be read, then nothing is reported", () => {
  expect(() => summaryReading(asked, "full", { get: () => undefined, set: () => {} })).toThrow(/does not keep/);
  expect(() => summaryReading(asked, "full", { get: () => "{", set: () => {} })).toThrow();
});

test("when something is asked that there is not then it is an error and nothing is kept", () => {
  const kept = new Map<string, string>();
  const wrong: readonly (() => Report)[] = [
    () => summaryReading(asked, "skimmed" as "full", store(kept)),
    () => summaryReading({ ...asked, epsilon: 8 as 3 }, "full", store(kept)),
    () => summaryReading({ ...asked, period: "this week" }, "full", store(kept)),
    () => summaryReading({ ...asked, campaign: "" }, "full", store(kept)),
    () => readTime(asked, Number.NaN, store(kept)),
    () => readTime(asked, -1, store(kept)),
  ];
  for (const one of wrong) expect(one).toThrow(TypeError);
  expect(kept.size).toBe(0);
});

test("when the library is bundled for a device then it has at most 10 KB and needs nothing else", async () => {
  // esbuild is what tsx brings along
  const esbuild = createRequire(createRequire(import.meta.url).resolve("tsx"))("esbuild") as {
    build(options: object): Promise<{ outputFiles: readonly { contents: Uint8Array; text: string }[] }>;
  };
  const { outputFiles } = await esbuild.build({
    entryPoints: [join(import.meta.dirname, "../../packages/device/index.ts")],
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    write: false,
  });
  expect(outputFiles[0]!.contents.length).toBeLessThanOrEqual(10_240);
  expect(outputFiles[0]!.contents.length).toBeGreaterThan(500);
  expect(outputFiles[0]!.text).not.toMatch(/Math\.random|\bimport\b|require\(/);
});
