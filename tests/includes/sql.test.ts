import { describe, expect, test } from "vitest";
import sql from "../../includes/sql.js";

/** What the SQL of sql.psi and sql.kl computes, for numbers. */
const evaluate = (text: string): number => Function("greatest", "ln", `return ${text}`)(Math.max, Math.log) as number;

describe("sql", () => {
  test("when one row per key is kept, then by row_number", () => {
    expect(sql.latestPer("event_id", "received_at desc")).toBe(
      "qualify row_number() over (partition by event_id order by received_at desc) = 1",
    );
    expect(() => sql.latestPer("", "x")).toThrow(/includes\/sql\.js: latestPer key/);
  });

  test("when a window is given, then it is half-open", () => {
    expect(sql.within("received_at", { window_from: "2026-01-31T00:00:00Z", window_to: "2026-01-31T01:00:00Z" })).toBe(
      "received_at >= timestamp '2026-01-31 00:00:00+00' and received_at < timestamp '2026-01-31 01:00:00+00'",
    );
  });

  test("when one end of a window is missing, then it is refused", () => {
    expect(() => sql.within("t", { window_from: "2026-01-31" })).toThrow(/go together/);
    expect(() => sql.within("t", {})).toThrow(/window_from and window_to/);
    expect(sql.hasWindow({})).toBe(false);
    expect(sql.hasWindow(undefined)).toBe(false);
    expect(sql.hasWindow({ window_from: "a", window_to: "b" })).toBe(true);
  });

  test("when a value is binned, then an edge belongs to the bin above it and NULL has its own", () => {
    expect(sql.binOf("x", [1, 5])).toBe(
      "case when x is null then 'null' when x < 1 then '0' when x < 5 then '1' else '2' end",
    );
    expect(() => sql.binOf("x", [5, 1])).toThrow(/rising edges for x/);
    expect(() => sql.binOf("x", [])).toThrow(/rising edges/);
  });

  test("when two distributions are equal, then PSI and KL are 0; else PSI is symmetric and positive", () => {
    expect(evaluate(sql.psi("0.3", "0.3"))).toBe(0);
    expect(evaluate(sql.kl("0.3", "0.3"))).toBe(0);
    const there = evaluate(sql.psi("0.2", "0.6")) + evaluate(sql.psi("0.8", "0.4"));
    const back = evaluate(sql.psi("0.6", "0.2")) + evaluate(sql.psi("0.4", "0.8"));
    expect(there).toBeCloseTo(0.4 * Math.log(3) + -0.4 * Math.log(0.5), 12);
    expect(back).toBeCloseTo(there, 12);
  });

  test("when a bin is empty, then its part is finite", () => {
    expect(evaluate(sql.psi("0", "0.5"))).toBeCloseTo(0.4999 * Math.log(5000), 12);
    expect(evaluate(sql.psi("0.5", "0"))).toBeCloseTo(0.4999 * Math.log(5000), 12);
    expect(evaluate(sql.kl("0", "0.5"))).toBeCloseTo(0.5 * Math.log(5000), 12);
    expect(evaluate(sql.kl("0.5", "0"))).toBeCloseTo(0, 12);
  });

  test("when text is quoted, then quotes and backslashes survive", () => {
    expect(sql.quoted("it's a \\")).toBe("'it\\'s a \\\\'");
  });

  test("when a rate or a variance is asked for, then nothing divides by nothing", () => {
    expect(sql.rate("clicks", "sends")).toBe("safe_divide(clicks, sends)");
    expect(sql.variance("n", "s", "q")).toBe("safe_divide(q - safe_divide(s * s, n), n - 1)");
  });
});
