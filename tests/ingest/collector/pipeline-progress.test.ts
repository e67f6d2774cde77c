import { expect, test } from "vitest";
import { PipelineProgress } from "../../../ingest/collector/pipeline-progress.ts";

function progressAt(clock: { now: number }) {
  return new PipelineProgress({ now: () => clock.now, stallMs: 1000, published: 10, landed: 10 });
}

test("when messages wait and none lands then the pipeline is stalled after its time, and no longer once one lands", () => {
  const clock = { now: 5000 };
  const progress = progressAt(clock);
  clock.now += 60_000;
  progress.publishedTo(12);
  expect([progress.behind(), progress.isStalled()]).toEqual([2, false]);
  clock.now += 1000;
  progress.publishedTo(13);
  expect(progress.isStalled()).toBe(false);
  clock.now += 1;
  expect(progress.isStalled()).toBe(true);
  progress.landedTo(11);
  expect([progress.behind(), progress.isStalled()]).toEqual([2, false]);
  clock.now += 2000;
  expect(progress.isStalled()).toBe(true);
  progress.landedTo(13);
  expect(progress.isStalled()).toBe(false);
});

test("when the clock is put back then the time begins anew, and a stall is still found", () => {
  const clock = { now: 86_400_000 };
  const progress = progressAt(clock);
  progress.publishedTo(11);
  clock.now = 0;
  expect(progress.isStalled()).toBe(false);
  clock.now = 1001;
  expect(progress.isStalled()).toBe(true);
});
