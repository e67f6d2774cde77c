import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { recordsRefused } from "../../../ingest/collector/api-records.ts";
import { consentStatements } from "../../../ingest/consent-signals/consent-signal.ts";
import { readTcf } from "../../../ingest/consent-signals/tcf.ts";
import { type Choice, tcString } from "./strings.ts";

const at = new Date("2026-01-10T00:00:00Z");
const all = [5, 6, 8, 9, 10];

/** What a signal states: `purpose`, `+` or `-`, and the channel. */
function stated(signal: unknown, value: unknown, more: object = {}): readonly string[] {
  const items = consentStatements({
    kind: "row",
    table: "consents",
    values: { user_id: "u", signal, value, ...more },
  });
  return items.map((item) => {
    if (item.kind !== "row") return `${item.kind} ${item.kind === "dead-letter" ? item.reason : ""}`;
    const { purpose, is_granted: isGranted, channel } = item.values;
    return `${purpose}${isGranted === true ? "+" : "-"} ${channel}`;
  });
}
const letter = ["dead-letter consent-signal"];

describe("a TC string", () => {
  const tcf = (choice: Partial<Choice>, vendor: number | null = null) => {
    const read = readTcf(tcString({ lastUpdated: at, ...choice }), {
      vendor,
      channel: "web",
      purposes: { segmentation: [5], activation: [6], measurement: [8, 9], training: [10] },
    });
    if (read.kind === "broken") return read.detail;
    return read.statements.map(({ purpose, isGranted }) => `${purpose}${isGranted ? "+" : "-"}`).join(" ");
  };

  test("when it has a segment for the publisher then that alone speaks to us, and each purpose takes all that it is made of", () => {
    expect(stated("tcf", tcString({ lastUpdated: at, publisher: all }))).toEqual([
      "segmentation+ web",
      "activation+ web",
      "measurement+ web",
      "training+ web",
    ]);
    expect(tcf({ publisher: [5, 8, 10], purposes: all, vendors: [7] }, 7)).toBe(
      "segmentation+ activation- measurement- training+",
    );
    expect(tcf({ publisher: [], purposes: all })).toBe("segmentation- activation- measurement- training-");
  });

  test("when we are a vendor then both the purpose and we must be consented to, and no restriction may stand against it", () => {
    expect(tcf({ purposes: [5, 6, 10], vendors: [7] }, 7)).toBe("segmentation+ activation+ measurement- training+");
    expect(tcf({ purposes: all, vendors: [8] }, 7)).toBe("segmentation- activation- measurement- training-");
    const restricted = [0, 1, 2].map((type) =>
      tcf({ purposes: [10], vendors: [7], restrictions: [{ purpose: 10, type, vendor: 7 }] }, 7),
    );
    expect(restricted.map((one) => one.includes("training+"))).toEqual([false, true, false]);
  });

  test("when it only claims a legitimate interest then nothing is granted", () => {
    expect(tcf({ legitimateInterests: all, vendors: [7] }, 7)).toBe("segmentation- activation- measurement- training-");
  });

  test("when a statement gives no time then the choice's own stands, and the publisher's country is its jurisdiction", () => {
    const made = (more: object) =>
      consentStatements({
        kind: "row",
        table: "consents",
        values: {
          user_id: "u",
          signal: "tcf",
          value: tcString({ lastUpdated: at, publisher: all, country: "FR" }),
          ...more,
        },
      })[0];
    expect(made({})).toMatchObject({
      values: { user_id: "u", effective_at: at.toISOString(), jurisdiction: "fr", legal_basis: "consent" },
    });
    expect(made({})).not.toHaveProperty("values.signal");
    expect(made({ effective_at: "2026-02-01T00:00:00Z" })).toMatchObject({
      values: { effective_at: "2026-02-01T00:00:00Z" },
    });
  });

  test.each([
    ["says nothing to us", tcString({ lastUpdated: at, purposes: all, vendors: [7] })],
    ["is of version 1", tcString({ lastUpdated: at, version: 1, publisher: all })],
    ["is of a version to come", tcString({ lastUpdated: at, version: 3, publisher: all })],
    [
      "was updated before it was made",
      tcString({ lastUpdated: at, created: new Date("2026-02-01T00:00:00Z"), publisher: all }),
    ],
    ["is from before the framework", tcString({ lastUpdated: new Date("2001-01-01T00:00:00Z"), publisher: all })],
    ["is cut", tcString({ lastUpdated: at, publisher: all }).slice(0, 20)],
    ["has other characters", "CPokAsAPokAs@AGABBENAZEgAAAAAAAAAAYgAAAAAAAA"],
    ["is empty", ""],
    ["is no text", 17],
    ["is endless", "C".repeat(20_000)],
  ])("when it %s then it is a dead letter", (_, value) => {
    expect(stated("tcf", value)).toEqual(letter);
  });

  test("when bytes of it are others, then what is read never grants what a whole string of the same segments would not say", () => {
    const good = tcString({ lastUpdated: at, publisher: [] });
    fc.assert(
      fc.property(fc.nat({ max: good.indexOf(".") - 1 }), fc.constantFrom(..."ABZaz09-_!. "), (place, letter) => {
        const bent = good.slice(0, place) + letter + good.slice(place + 1);
        expect(stated("tcf", bent).filter((one) => one.includes("+"))).toEqual([]);
      }),
      { seed: 30, numRuns: 300 },
    );
  });

  test("when a text is any text then reading it ends, and grants nothing", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (text) => {
        expect(stated("tcf", `C${text}`).filter((one) => one.includes("+"))).toEqual([]);
      }),
      { seed: 31, numRuns: 300 },
    );
  });
});

describe("Google Consent Mode", () => {
  test.each([
    ["all granted by the person", "13r3r3r3r5", ["segmentation+ web", "activation+ web", "measurement+ web"]],
    [
      "granted by an update without a default",
      "11n1n1n1n5",
      ["segmentation+ web", "activation+ web", "measurement+ web"],
    ],
    ["granted by default alone", "11t1t1t1t5", ["dead-letter not-a-signal"]],
    ["denied by default alone", "11p1p1p1p5", ["dead-letter not-a-signal"]],
    ["not set", "11l1l1l1l5", ["dead-letter not-a-signal"]],
    ["statistics granted, the rest denied", "13q3r3q3q5", ["segmentation- web", "activation- web", "measurement+ web"]],
    ["a grant taken back", "13u3u3u3u5", ["segmentation- web", "activation- web", "measurement- web"]],
    ["one of two keys granted", { ad_user_data: "granted" }, ["dead-letter not-a-signal"]],
    ["one of two keys denied", { ad_user_data: "denied" }, ["activation- web"]],
    ["an update", { ad_user_data: "granted", ad_personalization: "granted" }, ["segmentation+ web", "activation+ web"]],
    ["gcs", "G111", letter],
    ["letters that nobody knows", "13z3r3r3r5", letter],
    ["cut", "13r3r3r", letter],
    ["another word", { analytics_storage: "yes" }, letter],
    ["nothing", {}, letter],
    ["an array", ["granted"], letter],
    ["null", null, letter],
  ])("when it says %s then it states what the person chose, and no more", (_, value, expected) => {
    expect(stated("gcm", value)).toEqual(expected);
  });
});

describe("Global Privacy Control", () => {
  test("when it is on then it refuses, and nothing else that it can be grants", () => {
    const refusals = ["segmentation- null", "training- null", "activation- web"];
    for (const value of ["1", 1, true]) expect(stated("gpc", value)).toEqual(refusals);
    for (const value of ["0", 0, false]) expect(stated("gpc", value)).toEqual(["dead-letter not-a-signal"]);
    for (const value of ["", "yes", undefined, null, 2]) expect(stated("gpc", value)).toEqual(letter);
  });
});

test("when a call to the collector brings a signal then what it would not take is said at once", () => {
  const record = (signal: string, value: unknown) =>
    Buffer.from(JSON.stringify({ user_id: "u", signal, value, effective_at: "2026-01-10T00:00:00Z" }));
  const good = record("tcf", tcString({ lastUpdated: at, publisher: all }));
  const refused = recordsRefused("consents", [good, record("gpc", "1"), record("gcm", "G111"), record("tcf", "CP")], 1);
  expect(refused.map(({ index, reason }) => [index, reason])).toEqual([
    [2, "consent-signal"],
    [3, "consent-signal"],
  ]);
  const timeless = Buffer.from(JSON.stringify({ user_id: "u", signal: "gpc", value: "1" }));
  expect(recordsRefused("consents", [timeless], 1)).toEqual([
    { index: 0, reason: "missing-field", detail: "effective_at" },
  ]);
});

test("when a signal is of no known kind, or stands beside a purpose, then it is a dead letter", () => {
  expect(stated("usp", "1YNN")).toEqual(letter);
  expect(stated("gpc", "1", { purpose: "training" })).toEqual(letter);
  expect(stated("gpc", "1", { is_granted: true })).toEqual(letter);
});
