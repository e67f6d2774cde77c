import fc from "fast-check";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Row } from "../../warehouse/warehouse.ts";
import { openProjectBench, type ProjectBench } from "./project-bench.ts";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 180_000 });

const hour = 3_600_000;
const begins = Date.UTC(2026, 0, 1);
const asOf = Date.UTC(2026, 0, 15);
const iso = (at: number): string => new Date(at).toISOString();

let bench: ProjectBench;
beforeAll(async () => {
  bench = await openProjectBench(iso(asOf));
});
afterAll(() => bench.close());

// many people in few builds: one build takes seconds
const people = Array.from({ length: 30 }, (_, n) => `u${String(n).padStart(2, "0")}`);
/** Hours after the beginning: half of them before the as-of instant, some just at it. */
const moment = fc.oneof(fc.nat(28 * 24), fc.constantFrom(14 * 24 - 1, 14 * 24, 14 * 24 + 1));
const person = fc.constantFrom(...people);

const profile = fc
  .record({
    who: person,
    at: moment,
    region: fc.constantFrom("de", "fr", "es"),
    isp: fc.constantFrom("gmail", "yahoo"),
  })
  .map(({ who, at, region, isp }) => ({ user_id_hash: who, region, isp, received_at: iso(begins + at * hour) }));

// Heard of within days: what comes later than that is imported history, which is another matter.
const consent = fc
  .record({ who: person, at: moment, later: fc.nat(6 * 24), isGranted: fc.boolean() })
  .map(({ who, at, later, isGranted }) => ({
    user_id_hash: who,
    purpose: "training",
    is_granted: isGranted,
    effective_at: iso(begins + at * hour),
    received_at: iso(begins + (at + later) * hour),
  }));

const link = fc
  .record({ pair: fc.uniqueArray(person, { minLength: 2, maxLength: 2 }), at: moment, later: fc.nat(200) })
  .map(({ pair, at, later }) => ({
    left_id: pair[0]!,
    right_id: pair[1]!,
    link_kind: "login",
    linked_at: iso(begins + at * hour),
    known_at: iso(begins + (at + later) * hour),
    received_at: iso(begins + (at + later) * hour),
  }));

const sends = people.flatMap((who, n) =>
  [2, 9, 13].map((day) => ({
    event_id: `${who}${day}`,
    event_type: "sent",
    user_id_hash: who,
    message_id: `${who}${day}`,
    timestamp_utc: iso(begins + day * 24 * hour + (n % 4) * hour),
    received_at: iso(begins + day * 24 * hour + (n % 4) * hour),
  })),
);

const plain = (rows: readonly Row[]): readonly string[] =>
  rows.map((row) => Object.values(row).map(String).join(" | ")).sort();
const heardBy = <R extends { readonly received_at: string }>(rows: readonly R[]): readonly R[] =>
  rows.filter((row) => Date.parse(row.received_at) < asOf);

const read: readonly (readonly [string, readonly string[]])[] = [
  ["staging.stg_raw__profiles", ["raw.profiles"]],
  ["identity.persons", ["raw.identity_links", "raw.profiles"]],
  ["governance.consents", ["raw.identity_links", "raw.consents", "raw.profiles"]],
  ["events.messages", ["raw.events", "raw.profiles", "raw.identity_links"]],
];

test("when a day is built again with all that was heard since then it says what it said on that day", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(profile, { minLength: 30, maxLength: 90 }),
      fc.array(consent, { minLength: 30, maxLength: 90 }),
      fc.array(link, { minLength: 5, maxLength: 20 }),
      async (profiles, consents, links) => {
        const since: Readonly<Record<string, readonly Row[]>> = {
          "raw.profiles": profiles,
          "raw.consents": consents,
          "raw.identity_links": links,
          "raw.events": sends,
        };
        const then: Readonly<Record<string, readonly Row[]>> = {
          "raw.profiles": heardBy(profiles),
          "raw.consents": heardBy(consents),
          "raw.identity_links": heardBy(links),
          "raw.events": sends,
        };
        for (const [model, names] of read) {
          const of = (all: typeof since) => Object.fromEntries(names.map((name) => [name, all[name] ?? []]));
          expect([model, plain(await bench.rows(model, of(since)))]).toEqual([
            model,
            plain(await bench.rows(model, of(then))),
          ]);
        }
      },
    ),
    { numRuns: 3, seed: 16, endOnFailure: true },
  );
});

test("when a customer is described anew then each mail has what was known just before it was sent", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(profile, { minLength: 60, maxLength: 150 }), async (profiles) => {
      const messages = await bench.rows("events.messages", { "raw.profiles": profiles, "raw.events": sends });
      expect(messages).toHaveLength(sends.length);
      for (const message of messages) {
        const [known] = profiles
          .filter(
            (one) =>
              one.user_id_hash === message["user_id_hash"] &&
              Date.parse(one.received_at) < Date.parse(String(message["sent_at"])),
          )
          // the last; of one instant by provider, then region
          .sort(
            (x, y) =>
              Date.parse(y.received_at) - Date.parse(x.received_at) || order(x.isp, y.isp) || order(x.region, y.region),
          );
        expect({ isp: message["isp"], region: message["region"] }).toEqual({
          isp: known?.isp ?? "unknown",
          region: known?.region ?? "unknown",
        });
      }
    }),
    { numRuns: 3, seed: 16, endOnFailure: true },
  );
});

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
