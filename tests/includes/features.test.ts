import { describe, expect, test } from "vitest";
import docs from "../../includes/docs.js";
import features from "../../includes/features.js";
import pit from "../../includes/pit.js";
import segments from "../../includes/segments.js";

describe("features", () => {
  test("when the list is read, then names are unique and each says what it is, where it is and when it was known", () => {
    expect(new Set(features.names).size).toBe(features.names.length);
    for (const one of features.list) {
      expect(one.name).toMatch(/^[a-z][a-z0-9_]*$/);
      expect(["number", "category"]).toContain(one.type);
      expect(["sender", "customer", "delivery"]).toContain(one.origin);
      expect(one.description.length).toBeGreaterThan(10);
      expect(one.knownAt.length).toBeGreaterThan(3);
      expect(one.source).toBe("features.message_features");
    }
  });

  test("when a feature is a number, then its bins rise; a category has none", () => {
    for (const one of features.list) {
      expect(one.bins).toEqual([...one.bins].sort((a, b) => a - b));
      expect(one.bins.length > 0).toBe(one.type === "number");
    }
  });

  test("when outcomes are read, then none of them is a feature", () => {
    for (const { column } of features.outcomes) expect(features.names).not.toContain(column);
    expect(features.outcomes.map(({ name }) => name)).toEqual(["click", "complaint", "unsubscribe", "conversion"]);
  });

  test("when opens, clicks and sends are counted, then over 7, 30 and 90 days", () => {
    for (const measure of ["opens", "clicks", "sends"]) {
      for (const days of [7, 30, 90]) expect(features.names).toContain(`${measure}_${days}d`);
    }
  });

  test("when the training columns are listed, then every one is there once and has wording", () => {
    expect(new Set(features.exampleColumns).size).toBe(features.exampleColumns.length);
    expect(Object.keys(docs.columns(...features.exampleColumns))).toEqual(features.exampleColumns);
  });

  test("when a feature is not known, then its name is in the error", () => {
    expect(() => features.feature("opens_8d")).toThrow(/includes\/features\.js.*"opens_8d"/);
    expect(() => features.select("f", "did_click")).toThrow(/did_click/);
    expect(features.select("f", "opens_7d", "isp")).toBe("f.opens_7d,\n  f.isp");
  });

  test("when the past is counted, then every window stops before the row's own instant", () => {
    for (const window of pit.windows()) {
      expect(window).toMatch(
        /over \(partition by past_key(, topic)? order by _micros range between (\d+|unbounded) preceding and 1 preceding\)/,
      );
    }
    expect(pit.windows()).toContain(
      "sum(if(act = 'open', amount, 0)) over (partition by past_key order by _micros range between 604800000000 preceding and 1 preceding) as _opens_7d",
    );
    expect(pit.selected()).toHaveLength(pit.names.length);
  });

  test("when segments are read, then a name has one definition, made of features that can be served", () => {
    const names = segments.list.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => name === "recent_engagers")).toHaveLength(1);
    for (const { from, when } of segments.list) {
      for (const name of from) expect(pit.customerNames).toContain(name);
      const used = when.match(/[a-z_]+_\d+d/g);
      expect(new Set(used)).toEqual(new Set(from));
    }
    expect(() => segments.segment("engaged")).toThrow(/"engaged"/);
  });
});
