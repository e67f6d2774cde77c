import { describe, expect, test } from "vitest";
import labels from "../../includes/labels.js";

describe("labels", () => {
  test("when the classes are read in order, then complaint > click > open > none holds among them", () => {
    expect(labels.queryClasses).toEqual(["complaint", "click", "open", "no_engagement"]);
    expect(labels.names.at(-1)).toBe("no_engagement");
  });

  test("when a label is asked for, then the first condition that holds decides", () => {
    expect(labels.labelOf("spam_complaint", "opened", "no_engagement")).toBe(
      "case when complained_at is not null then 'spam_complaint' when first_open_at is not null then 'opened' else 'no_engagement' end",
    );
    expect(labels.labelOf()).toMatch(/^case when complained_at .* when bounce_class .* else 'no_engagement' end$/);
    expect(labels.queryLabel()).toBe(
      "case when complained_at is not null then 'complaint' when first_click_at is not null then 'click' when first_open_at is not null then 'open' else 'no_engagement' end",
    );
  });

  test("when a class is called by another name, then it is told apart by all of its names, and no two share one", () => {
    const called = labels.classes.flatMap(({ name, aliases }) => [name, ...aliases]);
    expect(new Set(called).size).toBe(called.length);
    expect(labels.classOf("label")).toContain("when lower(label) in ('clicked', 'click') then 'clicked'");
  });

  test("when the class that is left over is not last, then it is refused", () => {
    expect(() => labels.labelOf("spam_complaint", "clicked")).toThrow(/no_engagement/);
  });

  test("when a class is not known, then its name is in the error", () => {
    expect(() => labels.labelOf("tapped", "no_engagement")).toThrow(/includes\/labels\.js.*"tapped"/);
    expect(() => labels.sqlList(["nope"])).toThrow(/"nope"/);
  });

  test("when confidence is asked for, then it is between 0 and 1 and a summarised open is worth less than an open", () => {
    for (const { confidence } of labels.classes) expect(confidence).toBeGreaterThanOrEqual(0);
    for (const { confidence } of labels.classes) expect(confidence).toBeLessThanOrEqual(1);
    expect(labels.confidenceOf("label", "has_summary_view")).toContain(
      "when label = 'opened' and has_summary_view then 0.3",
    );
  });
});
