import { describe, expect, test } from "vitest";
import docs from "../../includes/docs.js";
import events from "../../includes/events.js";
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
  test("when a row of the matrix is read, then it is a column of a raw table, and each key of metadata has a class", () => {
    const rows = policies.rows();
    const tables = [...new Set(rows.map(({ table }) => table))];
    expect([...tables].sort()).toEqual([...rawTables.names].sort());
    for (const table of rawTables.names) {
      const columns = rows.filter((row) => row.table === table).map(({ column }) => column.split(".")[0]);
      expect([...new Set(columns)]).toEqual(rawTables.columns(table).map(({ name }: { name: string }) => name));
    }
    const keys = rows.flatMap(({ table, column }) =>
      table === "events" ? (/^metadata\.(.+)$/.exec(column)?.[1] ?? []) : [],
    );
    const known = (events.names as readonly string[]).flatMap((type) => events.metadataKeys(type));
    expect([...keys].sort()).toEqual([...new Set([...known, "*"])].sort());
    expect(policies.purposes).toEqual(["training", "segmentation", "activation", "measurement"]);
    expect(() => policies.purpose("fun")).toThrow(/"fun"/);
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
