import { describe, expect, test } from "vitest";
import { inLanes } from "../../../../warehouse/dataform/testing/in-lanes.ts";

describe("inLanes", () => {
  test("when there are two places, jobs begin in order, each place has one at a time, and results come in the order of the jobs", async () => {
    const begun: string[] = [];
    const busy = new Set<string>();
    const job =
      (n: number, turns: number) =>
      async (place: string): Promise<number> => {
        expect(busy.has(place)).toBe(false);
        busy.add(place);
        begun.push(`${n} at ${place}`);
        for (let i = 0; i < turns; i++) await Promise.resolve();
        busy.delete(place);
        return n;
      };
    const jobs = [job(0, 50), job(1, 1), job(2, 1), job(3, 1)];
    expect(await inLanes(jobs, [Promise.resolve("a"), Promise.resolve("b")])).toEqual([0, 1, 2, 3]);
    expect(begun).toEqual(["0 at a", "1 at b", "2 at b", "3 at b"]);
  });

  test("when a job throws, no other begins, and it is thrown once all others have ended", async () => {
    const ended: number[] = [];
    const jobs = [
      async () => {
        throw new Error("broken");
      },
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        ended.push(1);
      },
      async () => void ended.push(2),
    ];
    await expect(inLanes(jobs, [Promise.resolve(0), Promise.resolve(1)])).rejects.toThrow("broken");
    expect(ended).toEqual([1]);
  });
});
