import { describe, expect, test } from "vitest";
import model from "../../includes/label_model.js";
import functions from "../../includes/labelling_functions.js";
import { type Pattern, posteriorOf, toldPatterns } from "../support/label-patterns.ts";

/** Votes drawn from planted accuracies, a voter's copies behind them. Deterministic. */
function planted(
  messages: number,
  accuracies: readonly number[],
  share: number,
  copies: readonly (readonly number[])[] = [],
) {
  let state = 20260301;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
  const patterns = new Map<string, { pattern: string; n: number }>();
  for (let m = 0; m < messages; m++) {
    const truth = uniform() < share;
    const votes = accuracies.map((accuracy, v) =>
      uniform() < 0.5 + 0.08 * (v % 5) ? (uniform() < accuracy === truth ? "for" : "against") : "-",
    );
    for (const [of, times] of copies) for (let c = 0; c < times!; c++) votes.push(votes[of!]!);
    const pattern = votes.join("|");
    const known = patterns.get(pattern);
    if (known) known.n++;
    else patterns.set(pattern, { pattern, n: 1 });
  }
  return [...patterns.values()];
}
const solve = (patterns: readonly Pattern[], options: { share?: number; confidence?: number } = {}) => {
  const { share = 0.5, confidence = 0.7 } = options;
  const count = patterns[0]!.pattern.split("|").length;
  const voters = Array.from({ length: count }, (_, v) => ({ name: `v${v}`, confidence }));
  const answer = model.fit({
    start: { share, voters },
    strength: 200,
    personWeight: 20,
    rounds: 60,
    ...toldPatterns(patterns),
  });
  const chances = patterns.map(({ pattern }) => posteriorOf(answer, pattern));
  return { ...answer, chances, chanceOf: (pattern: string) => posteriorOf(answer, pattern) };
};
const accuracies = [0.92, 0.85, 0.8, 0.74, 0.68, 0.88, 0.77];

describe("accuracies that were planted", () => {
  test("when votes are many then each is found within two points, and so is the share", () => {
    const answer = solve(planted(60_000, accuracies, 0.3));
    expect(answer.isFitted).toBe(true);
    accuracies.forEach((accuracy, v) => {
      expect(Math.abs(answer.voters[v]!.accuracy! - accuracy)).toBeLessThan(0.02);
    });
    expect(Math.abs(answer.share - 0.3)).toBeLessThan(0.02);
    for (const { accuracy, low, high } of answer.voters) {
      expect(low!).toBeLessThan(accuracy!);
      expect(high! - low!).toBeLessThan(0.06);
    }
  });

  test("when there are so many patterns that it hears a part of them first then the others have their say, too", () => {
    const patterns = planted(200_000, [...accuracies, 0.6, 0.7, 0.9], 0.3);
    expect(patterns.length).toBeGreaterThan(10_000);
    const answer = solve(patterns, { share: 0.3 });
    for (const [v, accuracy] of [...accuracies, 0.6, 0.7, 0.9].entries())
      expect(Math.abs(answer.voters[v]!.accuracy! - accuracy)).toBeLessThan(0.01);
    // the share is what all of them come to
    const total = patterns.reduce((sum, { n }) => sum + n, 0);
    const yes = patterns.reduce((sum, { n }, i) => sum + n * answer.chances[i]!, 0);
    expect(Math.abs(answer.share - (0.3 * 200 + yes) / (200 + total))).toBeLessThan(0.00001);
  });

  test("when a voter stands there five times more then it counts once, and nothing moves by a point", () => {
    const alone = solve(planted(60_000, accuracies, 0.3));
    for (const voter of [0, 4]) {
      const patterns = planted(60_000, accuracies, 0.3, [[voter, 5]]);
      const answer = solve(patterns);
      expect(answer.groups.filter((group) => group.length > 1)).toEqual([
        [`v${voter}`, "v7", "v8", "v9", "v10", "v11"],
      ]);
      for (const [i, { pattern }] of patterns.entries()) {
        const votes = pattern.split("|").slice(0, accuracies.length).join("|");
        expect(Math.abs(answer.chances[i]! - alone.chanceOf(votes))).toBeLessThan(0.01);
      }
    }
  });

  test("when a voter repeats another most of the time then the two are one group", () => {
    let turn = 0;
    const patterns = planted(40_000, accuracies, 0.4).flatMap(({ pattern, n }) => {
      const votes = pattern.split("|");
      const own = turn++ % 2 === 0 ? "for" : "against";
      const copied = Math.round(n * 0.8);
      return [
        { pattern: [...votes, votes[1]].join("|"), n: copied },
        { pattern: [...votes, own].join("|"), n: n - copied },
      ].filter((one) => one.n > 0);
    });
    const answer = solve(patterns);
    expect(answer.groups.find((group) => group.includes("v7"))).toEqual(["v1", "v7"]);
    accuracies.forEach((accuracy, v) => {
      expect(Math.abs(answer.voters[v]!.accuracy! - accuracy)).toBeLessThan(0.03);
    });
  });

  test("when a voter is wrong more often than right then it is found, and its word turns round", () => {
    const answer = solve(planted(60_000, [0.9, 0.85, 0.8, 0.8, 0.25], 0.5));
    expect(Math.abs(answer.voters[4]!.accuracy! - 0.25)).toBeLessThan(0.03);
    expect(answer.chanceOf("-|-|-|-|for")).toBeLessThan(0.4);
  });
});

describe("few votes", () => {
  test("when nobody votes then the answer is the share, and that is the reason", () => {
    const silent = solve([{ pattern: "-|-", n: 10 }], { share: 0.2 });
    expect(silent.chances[0]).toBeCloseTo(0.2, 12);
    expect(silent.words.map(({ text }) => text)).toEqual(["share-1.39"]);
  });

  test("when one or two voters vote then the share is moved by what they are thought to be worth", () => {
    const one = solve(
      [
        { pattern: "for", n: 100 },
        { pattern: "-", n: 900 },
      ],
      { share: 0.2, confidence: 0.9 },
    );
    expect(one.isFitted).toBe(false);
    expect(one.chances[0]).toBeCloseTo(0.9, 6);
    expect(one.words.map(({ text }) => text)).toEqual(["share-1.39", "v0:for+3.58"]);
    const two = solve(
      [
        { pattern: "for|against", n: 100 },
        { pattern: "for|for", n: 100 },
      ],
      { share: 0.2, confidence: 0.9 },
    );
    expect(two.chances[0]).toBeCloseTo(0.5, 6);
    expect(two.words.map(({ text }) => text).slice(0, 3)).toEqual(["share-1.39", "v0:for+3.58", "v1:against-2.20"]);
    expect(two.chances[1]).toBeGreaterThan(0.6);
  });

  test("when voters hardly ever meet then what is declared stands, and the fit does not run off with the share", () => {
    const answer = solve(
      [
        { pattern: "for|-|-|-", n: 6_000 },
        { pattern: "for|for|-|-", n: 900 },
        { pattern: "for|for|for|-", n: 60 },
        { pattern: "-|-|-|against", n: 90_000 },
        { pattern: "-|-|for|against", n: 200 },
        { pattern: "-|-|-|-", n: 6_000 },
      ],
      { share: 0.2, confidence: 0.95 },
    );
    expect(answer.isFitted).toBe(false);
    expect(answer.share).toBe(0.2);
    const [opened, , , ignored, , silent] = answer.chances;
    expect(opened).toBeCloseTo(0.95, 6);
    expect(ignored).toBeLessThan(0.05);
    expect(silent).toBeCloseTo(0.2, 6);
  });

  test("when a vote is weak then it moves less than a firm one", () => {
    const answer = solve(
      [
        { pattern: "for", n: 100 },
        { pattern: "weak_for", n: 100 },
        { pattern: "-", n: 800 },
      ],
      { share: 0.2 },
    );
    const [firm, weak, silent] = answer.chances;
    expect(firm).toBeGreaterThan(weak!);
    expect(weak).toBeGreaterThan(silent!);
  });
});

describe("people and time", () => {
  test("when people say that a voter is wrong then it is, and the measure says on how many labels", () => {
    const votes = planted(20_000, accuracies.slice(0, 4), 0.5);
    const told = votes.map((one) => ({ ...one, yes: 0, no: one.pattern.startsWith("for") ? 40 : 0 }));
    const answer = solve(told);
    expect(answer.voters[0]!.measured).toBe(0);
    expect(answer.voters[0]!.measuredOn).toBeGreaterThan(100);
    expect(answer.voters[0]!.accuracy!).toBeLessThan(solve(votes).voters[0]!.accuracy!);
  });

  test("when a voter decays then its word weighs less, and the steady keep theirs", () => {
    const weeks = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];
    const early = planted(40_000, accuracies, 0.5);
    const late = planted(40_000, [0.55, ...accuracies.slice(1)], 0.5);
    const all = new Map<string, { pattern: string; n: number; weeks: Record<string, number> }>();
    const add = (patterns: { pattern: string; n: number }[], names: string[]) => {
      for (const { pattern, n } of patterns) {
        const known = all.get(pattern) ?? { pattern, n: 0, weeks: {} };
        known.n += n;
        for (const week of names) known.weeks[week] = (known.weeks[week] ?? 0) + n / names.length;
        all.set(pattern, known);
      }
    };
    add(early, weeks.slice(0, 5));
    add(late, weeks.slice(5));
    const answer = solve([...all.values()]);
    expect(answer.voters[0]!.weight).toBeLessThan(0.5);
    for (const { weight } of answer.voters.slice(1)) expect(weight).toBe(1);
  });

  test("when its text is run as a function of the warehouse's then it gives the same", () => {
    const start = functions.start(functions.questions[0]!);
    const pattern = start.voters.map((_: unknown, v: number) => (v === 0 ? "for" : "-")).join("|");
    const input = { ...functions.fitting, start, ...toldPatterns([{ pattern, n: 3, yes: 1, weeks: { 1: 3 } }]) };
    const run = new Function("input", model.body()) as (input: string) => string;
    expect(JSON.parse(run(JSON.stringify(input)))).toEqual(JSON.parse(JSON.stringify(model.fit(input))));
  });
});

describe("the labelling functions", () => {
  test("when one is read then it has a question that is asked, an owner, and a confidence better than chance", () => {
    const asked = functions.questions.map(({ name }) => name);
    for (const one of functions.list) {
      expect(asked).toContain(one.question);
      expect(one.owner).toMatch(/^[a-z]+$/);
      expect(one.confidence).toBeGreaterThan(0.5);
      expect(one.confidence).toBeLessThan(1);
    }
    const keys = functions.list.map(({ name, question }) => `${question}.${name}`);
    expect(new Set(keys).size).toBe(keys.length);
  });
});
