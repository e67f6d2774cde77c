import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import registry from "../../includes/feature_registry.js";
import features from "../../includes/features.js";
import { sha256 } from "../../includes/sha256.js";

interface Entry {
  readonly name: string;
  readonly version: string;
  readonly windowDays: number | null;
}
type Registry = { readonly version: string; readonly list: readonly Entry[] };

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** The registry of a copy of includes/ in which one text of a file is another. */
function registryWith(file: string, text: string, instead: string): Registry {
  const folder = mkdtempSync(join(tmpdir(), "inboxloop-includes-"));
  folders.push(folder);
  cpSync(resolve(import.meta.dirname, "../../includes"), folder, { recursive: true });
  const path = join(folder, file);
  const before = readFileSync(path, "utf8");
  if (!before.includes(text)) throw new Error(`${file} has no ${text}`);
  writeFileSync(path, before.replace(text, instead));
  return createRequire(join(folder, "x.js"))("./feature_registry.js") as Registry;
}

const changed = (other: Registry): string[] =>
  (registry.list as readonly Entry[])
    .filter(({ name, version }) => other.list.find((one) => one.name === name)?.version !== version)
    .map(({ name }) => name);

describe("a feature's version", () => {
  test.each([
    {
      what: "a window of 30 days becomes one of 3",
      edit: [
        "pit.js",
        '{ name: "views_30d", acts: ["view"], days: 30 }',
        '{ name: "views_30d", acts: ["view"], days: 3 }',
      ],
      moves: ["views_30d", "views_per_session_30d"],
    },
    {
      what: "a visit ends after an hour in which nothing is done",
      edit: ["sessions.js", "const idleMinutes = 30", "const idleMinutes = 60"],
      moves: ["sessions_7d", "days_since_last_session", "views_per_session_30d"],
    },
    {
      what: "the window under rates becomes one of 3 days",
      edit: ["reputation.js", "const rateDays = 30", "const rateDays = 3"],
      moves: ["isp_bounce_rate_30d", "isp_complaint_rate_30d", "domain_bounce_rate_30d", "sender_complaint_rate_30d"],
    },
    {
      what: "other events count as carts",
      edit: ["pit.js", "event_type in ('add_to_cart', 'checkout_started')", "event_type = 'add_to_cart'"],
      moves: ["carts_30d"],
    },
    {
      what: "a condition under a value is another",
      edit: ["feature_registry.js", "extract(hour from messages.sent_at)", "extract(hour from messages.sent_at) + 1"],
      moves: ["sent_hour"],
    },
  ])("when $what, then it changes, and no other one does", ({ edit, moves }) => {
    const other = registryWith(...(edit as [string, string, string]));
    expect(changed(other)).toEqual(moves);
    expect(other.version).not.toBe(registry.version);
  });

  test("when a source may be silent for longer, then the features of that source change", () => {
    const longer = registryWith(
      "feeds.js",
      'types: ["conversion", "purchase"]',
      'types: ["conversion", "purchase"], ...{ ttlDays: 60 }',
    );
    expect(changed(longer)).toEqual(registry.namesOf("shop"));
  });

  test.each([
    ["a description", ["features.js", "Pricing views in the 30 days before the send.", "Looks at prices."]],
    ["an owner", ["feature_registry.js", 'owner: "shop"', 'owner: "sales"']],
    ["a purpose", ["feature_registry.js", "What somebody is worth.", "Worth."]],
    [
      "a line break",
      [
        "pit.js",
        '"safe_divide(_opens_90d, _sends_90d)"',
        '"safe_divide(\\n    _opens_90d, -- opens\\n    _sends_90d)"',
      ],
    ],
    ["the bins of drift", ["features.js", "[20, 30, 40, 50, 60, 70, 90]", "[20, 40]"]],
  ])("when %s changes, then none does", (_what, edit) => {
    const other = registryWith(...(edit as [string, string, string]));
    expect(changed(other)).toEqual([]);
    expect(other.version).toBe(registry.version);
  });
});

test("when the registry lists features, then they are those of the list, each once, with the window that its name says", () => {
  const list = registry.list as readonly Entry[];
  expect(list.map(({ name }) => name)).toEqual(features.names);
  for (const { name, windowDays } of list) {
    const said = /_(\d+)d$/.exec(name)?.[1];
    if (said !== undefined) expect(windowDays, name).toBe(Number(said));
  }
});

test("when the version of several is asked for, then their order is no matter", () => {
  const list = registry.list as readonly Entry[];
  expect(registry.versionOf([...list].reverse())).toBe(registry.version);
});

test.each(["", "abc", "é 漢 😀", "x".repeat(55), "x".repeat(56), "x".repeat(64), "long ".repeat(999)])(
  "when %j is digested, then as Node does",
  (text) => {
    expect(sha256(text)).toBe(createHash("sha256").update(text, "utf8").digest("hex"));
  },
);

test("when SQL is laid out otherwise, then it counts as the same; what is quoted does not change", () => {
  expect(registry.plain("IF(\n  x = 'A  -- b', -- first\n  /* one */ 1)")).toBe("if(x='A  -- b',1)");
  expect(registry.plain("if(x='A  -- b',1)")).toBe("if(x='A  -- b',1)");
  expect(registry.plain("sum(x) over (partition by y)")).not.toBe(registry.plain("sum(x) over (partitionby y)"));
});
