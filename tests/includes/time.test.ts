import { describe, expect, test } from "vitest";
import time from "../../includes/time.js";

describe("time", () => {
  test("when as_of is given, then it is a literal in UTC", () => {
    expect(time.asOf({ as_of: "2026-04-01" })).toBe("timestamp '2026-04-01 00:00:00+00'");
    expect(time.asOf({ as_of: "2026-04-01T10:30:00Z" })).toBe("timestamp '2026-04-01 10:30:00+00'");
    expect(time.asOf({ as_of: "2026-04-01 10:30:00.123456+00" })).toBe("timestamp '2026-04-01 10:30:00.123456+00'");
  });

  test("when as_of is not given, then it is the hour that has begun", () => {
    expect(time.asOf({})).toBe("timestamp_trunc(current_timestamp(), hour)");
    expect(time.asOf({ as_of: "" })).toBe("timestamp_trunc(current_timestamp(), hour)");
  });

  test.each(["yesterday", "2026-13-01", "2026-04-01T10:00:00+02:00", "2026-04-01' or true --", "", undefined, 7])(
    "when an instant is %j, then it is refused",
    (text) => {
      expect(() => time.literal(text as string)).toThrow(/includes\/time\.js.*not an instant/);
    },
  );

  test("when vars are missing altogether, then asOf says so", () => {
    expect(() => time.asOf(null as never)).toThrow(/includes\/time\.js: asOf/);
  });

  test("when a frame is asked for, then the row's own instant is left out", () => {
    expect(time.frameBefore(7)).toBe("range between 604800000000 preceding and 1 preceding");
    expect(time.frameBefore()).toBe("range between unbounded preceding and 1 preceding");
    expect(() => time.frameBefore(1.5)).toThrow(/whole number/);
    expect(() => time.frameBefore(-1)).toThrow(/whole number/);
  });

  test("when days are added, then the unit is the day", () => {
    expect(time.closesAt("sent_at")).toBe("timestamp_add(sent_at, interval 7 day)");
    expect(time.daysBefore("t", 30)).toBe("timestamp_sub(t, interval 30 day)");
    expect(time.daysBetween("a", "b")).toBe("timestamp_diff(b, a, second) / 86400");
    expect(() => time.daysAfter("t", Number.NaN)).toThrow(/daysAfter/);
  });
});
