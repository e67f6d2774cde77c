import { describe, expect, test } from "vitest";
import labels from "../../includes/labels.js";

describe("labels", () => {
  test("when the classes are read in order, then complaint > click > open > none holds among them", () => {
    const ranks = labels.queryClasses.map((name) => labels.names.indexOf(name));
    expect(ranks).toEqual([...ranks].sort((a, b) => a - b));
    expect(ranks.every((rank) => rank >= 0)).toBe(true);
    expect(labels.names.at(-1)).toBe("no_engagement");
  });

  test("when a label is asked for, then the first condition that holds decides", () => {
    expect(labels.labelOf("complaint", "open", "no_engagement")).toBe(
      "case when complained_at is not null then 'complaint' when first_open_at is not null then 'open' else 'no_engagement' end",
    );
    expect(labels.labelOf()).toMatch(/^case when complained_at .* when bounced_at .* else 'no_engagement' end$/);
  });

  test("when the class that is left over is not last, then it is refused", () => {
    expect(() => labels.labelOf("complaint", "click")).toThrow(/no_engagement/);
  });

  test("when a class is not known, then its name is in the error", () => {
    expect(() => labels.labelOf("clicked", "no_engagement")).toThrow(/includes\/labels\.js.*"clicked"/);
    expect(() => labels.sqlList(["nope"])).toThrow(/"nope"/);
  });

  test("when confidence is asked for, then it is between 0 and 1 and a summarised open is worth less than an open", () => {
    for (const { confidence } of labels.classes) expect(confidence).toBeGreaterThan(0);
    for (const { confidence } of labels.classes) expect(confidence).toBeLessThanOrEqual(1);
    expect(labels.confidenceOf("label", "has_summary_view")).toContain(
      "when label = 'open' and has_summary_view then 0.3",
    );
  });
});
