import { describe, expect, test } from "vitest";
import docs from "../../includes/docs.js";
import experiments from "../../includes/experiments.js";
import names from "../../includes/names.js";
import policies from "../../includes/policies.js";
import rawTables from "../../includes/raw_tables.js";

describe("docs", () => {
  test("when a column has no wording, then its name is in the error", () => {
    expect(() => docs.columns("message_id", "flavour")).toThrow(/includes\/docs\.js.*"flavour"/);
    expect(docs.columns("message_id")).toEqual({
      message_id: "One e-mail to one recipient; NULL where a mailing's id is all that is known.",
    });
  });

  test("when a raw table is declared, then it has wording of its own with its grain", () => {
    for (const table of rawTables.names) {
      expect(Object.keys(docs.rawTables), `includes/docs.js lacks raw.${table}`).toContain(table);
      expect(docs.rawTable(table)).toMatch(/Grain: /);
    }
  });
});

describe("names", () => {
  test("when a name is derived, then from snake_case parts only", () => {
    expect(names.staging("events")).toBe("stg_raw__events");
    expect(names.windowed("opens", 7)).toBe("opens_7d");
    expect(() => names.staging("Events")).toThrow(/includes\/names\.js: staging/);
    expect(() => names.windowed("opens", 0)).toThrow(/whole days/);
  });
});

describe("policies", () => {
  test("when a column of a raw table is looked up, then it has a kind and purposes that are ours", () => {
    for (const table of rawTables.names) {
      for (const { name } of rawTables.columns(table)) {
        const { kind, purposes } = policies.ofColumn(name);
        expect(["pseudonym", "content", "reference"]).toContain(kind);
        for (const purpose of purposes) expect(policies.purpose(purpose)).toBe(purpose);
      }
    }
    expect(policies.ofColumn("user_id_hash").kind).toBe("pseudonym");
    expect(() => policies.purpose("fun")).toThrow(/"fun"/);
    expect(() => policies.ofColumn("")).toThrow(/ofColumn/);
  });
});

describe("experiments", () => {
  test("when an arm is read, then the decision's own word or the arm's name makes it the hold-out", () => {
    expect(experiments.isHoldOut("arm", "attributes")).toBe(
      "coalesce(json_value(attributes, '$.is_holdout') = 'true', regexp_replace(lower(arm), r'[^a-z]', '') in ('holdout', 'heldout', 'noemail', 'nomail', 'control', 'nosend', 'none'), false)",
    );
    expect(() => experiments.isHoldOut("arm", "")).toThrow(/includes\/experiments\.js/);
  });
});
