import { beforeAll, describe, expect, test, vi } from "vitest";
import { renderChecked } from "../../../cli/commands/check.ts";
import { type CheckedProject, waived } from "../../../warehouse/dataform/leakage/check-project.ts";
import { checkCopy, corpus } from "./project-copy.ts";

// The Dataform compiler is a process of its own; on a busy machine it takes its time.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const region = {
  file: "definitions/events/messages.sqlx",
  from: `  where \${handling}\n  group by message_id`,
  to: "  group by message_id",
};

describe("the corpus, beside our own models", () => {
  let checked: CheckedProject;
  let leaky: readonly string[];
  let clean: readonly string[];

  beforeAll(async () => {
    const [bad, good] = [await corpus("leaky"), await corpus("clean")];
    const nameOf = (file: string): string => file.replace(/^.*\/|\.sqlx$/g, "");
    [leaky, clean] = [[...bad.keys()].map(nameOf), [...good.keys()].map(nameOf)];
    checked = await checkCopy([], new Map([...bad, ...good]));
  });

  const found = (model: string) => checked.findings.filter((one) => one.model.endsWith(`.${model}`));

  test("there are at least thirty of each", () => {
    expect(leaky.length).toBeGreaterThanOrEqual(30);
    expect(clean.length).toBeGreaterThanOrEqual(30);
  });

  test("when a model leaks then it is refused", () => {
    expect(leaky.filter((model) => found(model).length === 0)).toEqual([]);
  });

  test("no model is refused for being written in a way that cannot be followed, pipes included", () => {
    expect(leaky.some((model) => model.includes("__pipe__"))).toBe(true);
    expect(checked.findings.filter((one) => one.kind === "not-followed").map((one) => one.message)).toEqual([]);
  });

  test("when a model only takes what was known then it is accepted", () => {
    expect(clean.flatMap((model) => found(model).map((one) => `${one.model}: ${one.message}`))).toEqual([]);
  });

  test("our own features are made of what was known", () => {
    const own = checked.findings.filter((one) => !/\.(leaky|clean)__/.test(one.model));
    expect(own).toEqual([]);
  });

  test("what is said of a leak names the place, the way from the source and what to do", () => {
    const [one] = found("leaky__post_send_field__own_opens");
    expect(one).toMatchObject({
      kind: "after",
      column: "attention",
      message: "attention is made of events.events.event_type of up to 7 days after the send of message_id",
      path: [
        "events.events.event_type",
        "events.messages.opens",
        "features.leaky__post_send_field__own_opens.attention",
      ],
    });
    expect(one!.where).toMatch(/^definitions\/features\/leaky__post_send_field__own_opens\.sqlx:3:\d+$/);
    expect(one!.next).toMatch(/^keep only what happened before the send/);
  });

  test.each([
    ["leaky__current_time__age_of_account", "clock"],
    ["leaky__late_profile__attributes", "late-state"],
    ["leaky__inequality__up_to_and_with", "not-before"],
    ["leaky__encoding__topic_rate_over_everything", "whole-history"],
    ["leaky__no_bound__clicks_per_customer", "no-instant"],
    ["leaky__pipe__up_to_and_with", "not-before"],
    ["leaky__pipe__mean_of_all_joined_back", "whole-history"],
    ["leaky__pipe__window_in_where", "whole-history"],
    ["leaky__training__target_window_begins_before_the_send", "target-before"],
  ])("%s is found as %s", (model, kind) => {
    expect(found(model).map((one) => one.kind)).toContain(kind);
  });
});

test("when a dimension is filled in by the click that it is to predict then its path is shown", async () => {
  const { findings } = await checkCopy([region]);
  const one = findings.find((each) => each.model === "features.message_features" && each.column === "region");
  expect(one).toMatchObject({ kind: "after" });
  expect(one!.path).toEqual(["events.events.region", "events.messages.region", "features.message_features.region"]);
  expect(findings.some((each) => each.model === "training.examples" && each.column === "region")).toBe(true);
});

test("when a mail takes the profile of after its send then every dimension of it is found, and what is counted by one", async () => {
  const { findings } = await checkCopy([
    {
      file: "definitions/events/messages.sqlx",
      from: "descriptions.known_at < per_message.sent_at",
      to: "descriptions.known_at < per_message.closes_at",
    },
  ]);
  const columns = findings.filter((one) => one.model === "features.message_features").map((one) => one.column);
  for (const column of ["isp", "region", "days_since_signup", "domain_bounce_rate_30d"])
    expect(columns).toContain(column);
  expect(columns).not.toContain("variant");
});

test("when our own models are broken then each break is found where it is", async () => {
  const { findings } = await checkCopy([
    {
      file: "includes/feature_registry.js",
      from: 'isp_bounce_rate_30d: rate("isps", "bounces", "isp")',
      to: 'isp_bounce_rate_30d: { sql: "isps.bounces" }',
    },
    {
      file: "includes/feature_registry.js",
      from: 'sql: "messages.variant"',
      to: 'sql: "messages.bounce_class"',
    },
    {
      file: "includes/feature_registry.js",
      from: '"messages.subject_length"',
      to: '"messages.read_seconds"',
    },
    {
      file: "definitions/events/seed_placement_daily.sqlx",
      from: `\${reputation.ofSeeds("seeds_inbox")} as _inbox`,
      to: "sum(seeds_inbox) over (partition by isp order by unix_date(activity_date) range between 14 preceding and current row) as _inbox",
    },
  ]);
  const columns = findings.filter((one) => one.model === "features.message_features").map((one) => one.column);
  expect([...new Set(columns)].sort()).toEqual([
    "isp_bounce_rate_30d",
    "seed_inbox_rate_14d",
    "subject_length",
    "variant",
  ]);
});

test("when a window of the past takes in its own instant then every feature that it counts is found", async () => {
  const { findings } = await checkCopy([
    { file: "includes/time.js", from: "preceding and 1 preceding`", to: "preceding and current row`" },
  ]);
  const one = findings.find((each) => each.column === "clicks_30d" && each.model === "features.message_features");
  expect(one).toMatchObject({ kind: "not-before" });
});

test("when the silence of a source takes in the day of the send then every feature of it is found", async () => {
  const { findings } = await checkCopy([
    {
      file: "definitions/features/feed_ages.sqlx",
      from: "unbounded preceding and 1 preceding",
      to: "unbounded preceding and current row",
    },
  ]);
  const columns = findings.filter((one) => one.model === "features.message_features").map((one) => one.column);
  expect(columns).toContain("opens_90d");
  expect(columns).toContain("revenue_90d");
  expect(columns).not.toContain("complaints_before");
});

test("when a finding is waived by its name then it is passed over with the reason, and others are not", () => {
  const finding = {
    kind: "after",
    model: "features.two",
    where: "two.sqlx:1:1",
    path: [],
    message: "m",
    next: "n",
  } as const;
  const models = [
    { model: "features.two", file: "two.sqlx", decision: "the send of message_id", columns: 2, findings: 2 },
  ];
  const result = {
    verdict: "fail",
    models,
    problems: [],
    findings: [
      { ...finding, column: "first_signal" },
      { ...finding, column: "second_signal" },
    ],
  } as const;
  const passed = waived(result, { "features.two.first_signal": "measured by hand" });
  expect(passed.findings.map((one) => one.column)).toEqual(["second_signal"]);
  expect(passed.waived.map((one) => [one.column, one.why])).toEqual([["first_signal", "measured by hand"]]);
  expect(passed.verdict).toBe("fail");
  expect(renderChecked(passed)).toContain("waived  features.two.first_signal  (after): measured by hand");
  expect(() => waived(result, { "features.two.third": "why not" })).toThrow(
    "nothing is found about features.two.third, so there is nothing to waive",
  );
  expect(() => waived({ ...result, models: [] }, {})).toThrow("nothing to check");
});
