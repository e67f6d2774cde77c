import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { type HandOverEnv, type HandOverRequest, handOver } from "../../activation/hand-over.ts";
import type { Answer, DecidedSend, EachReceiver } from "../../activation/mail.ts";
import { openOutbox } from "../../activation/outbox.ts";
import { begin, personId, plainPolicy, sendTo, standIn } from "./support/stand-in.ts";

const folder = mkdtempSync(join(tmpdir(), "inboxloop-outbox-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let outboxes = 0;

/** Says that the process died there. */
class Killed extends Error {}
const everybody: HandOverRequest = { campaigns: ["spring"], expireHours: 24, limit: null, again: false };

/** One home over several runs, with a clock of its own, whose receiver answers as the test says. */
function world(
  sends: readonly DecidedSend[],
  options: {
    readonly isIdempotent: boolean;
    readonly answer: (send: DecidedSend, n: number) => Answer | "lost";
    readonly policy?: string;
    readonly sendsAgainInDoubt?: boolean;
    readonly otherIds?: Readonly<Record<string, readonly string[]>>;
  },
) {
  const known = standIn(sends, options);
  const path = join(folder, String(outboxes++));
  /** Requests, by decision; what the receiver took. */
  const requests: string[] = [];
  const taken: string[] = [];
  const landed: string[] = [];
  let clock = begin;
  let stopper = new AbortController();
  const receiver: EachReceiver = {
    name: "hook",
    takes: "each",
    provider: null,
    isIdempotent: options.isIdempotent,
    countsAsSent: true,
    render: () => null,
    close: () => {},
    async hand(mail) {
      requests.push(mail.decision_id);
      const answer = options.answer(mail, requests.length);
      const takes = answer === "lost" || answer.kind === "accepted";
      if (takes && !(options.isIdempotent && taken.includes(mail.decision_id))) taken.push(mail.decision_id);
      return answer === "lost" ? { kind: "in-doubt", reason: "timeout" } : answer;
    },
  };
  async function run(
    more: Partial<HandOverRequest> = {},
    killAt: number | null = null,
    concurrency = 2,
    name = receiver.name,
  ) {
    const outbox = openOutbox(path);
    let left = killAt;
    stopper = new AbortController();
    const env: HandOverEnv = {
      openWarehouse: async () => known.warehouse,
      outbox,
      receiver: { ...receiver, name },
      templateOf: () => null,
      addresses: {
        of: async (ids) => new Map(ids.map((id) => [id, { address: `${id.slice(-4)}@example.com`, name: null }])),
      },
      policies: plainPolicy(options.policy),
      key: Buffer.alloc(32, 1),
      pauses: async () => [],
      unsubscribeUrl: () => null,
      land: async () => {
        const waiting = outbox.queued(0, 1000);
        for (const { text } of waiting) {
          const { message_id, user_id_hash, timestamp_utc } = JSON.parse(text) as Record<string, string>;
          if (landed.includes(message_id!)) throw new Error("landed twice");
          landed.push(message_id!);
          known.wentOut({
            user_id_hash,
            message_id,
            campaign_id: "spring",
            campaign_kind: "bulk",
            sent_at: timestamp_utc,
          });
        }
        await outbox.dropQueued(waiting.at(-1)?.position ?? 0);
      },
      limits: {
        concurrency,
        attempts: 4,
        firstWait: 1000,
        longestWait: 60_000,
        stopAfter: 50,
        sendsAgainInDoubt: options.sendsAgainInDoubt ?? false,
      },
      perSecond: 1000,
      pageRows: 3,
      now: () => clock,
      sleep: async (ms) => {
        clock += Math.max(1, ms);
      },
      random: () => 0.5,
      signal: stopper.signal,
      fault: () => {
        if (left !== null && --left === 0) throw new Killed();
      },
    };
    try {
      return await handOver(env, { ...everybody, ...more });
    } finally {
      await outbox.close();
    }
  }
  const state = async (id: string) => {
    const outbox = openOutbox(path);
    const entry = outbox.entry(id);
    await outbox.close();
    return entry;
  };
  return {
    ...known,
    run,
    state,
    requests,
    taken,
    landed,
    interrupt: () => stopper.abort(),
    wait: (ms: number) => {
      clock += ms;
    },
  };
}

const accepted: Answer = { kind: "accepted", provider_id: "p-1" };
const busy: Answer = { kind: "not-now", reason: "503", retry_after_ms: null };
const answers = fc.constantFrom<Answer | "lost">(accepted, accepted, "lost", busy, { kind: "refused", reason: "400" });

const stories = fc.record({
  people: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 8 }),
  answers: fc.array(answers, { maxLength: 30 }),
  /** Who leaves before which run, and where the run is killed. */
  runs: fc.array(
    fc.record({ kill: fc.option(fc.integer({ min: 1, max: 20 })), leaves: fc.option(fc.integer({ min: 0, max: 4 })) }),
    { maxLength: 5 },
  ),
});

test.each([
  ["takes a key once", true],
  ["knows no key", false],
] as const)(
  "when a receiver %s, then whatever the order, the answers and the kills, each mail is taken once at most, and nobody who left is asked about",
  async (_, isIdempotent) => {
    await fc.assert(
      fc.asyncProperty(stories, async ({ people, answers: script, runs }) => {
        const sends = people.map((person, n) => sendTo(n, person));
        const at = world(sends, { isIdempotent, answer: (_, n) => script[n] ?? accepted });
        const gone = new Set<number>();
        for (const { kill, leaves } of runs) {
          if (leaves !== null) {
            at.leave(leaves);
            gone.add(leaves);
          }
          const before = at.requests.length;
          await at.run({}, kill).catch((error: unknown) => {
            if (!(error instanceof Killed)) throw error;
          });
          const theirs = sends.filter((_, n) => gone.has(people[n]!)).map(({ decision_id }) => decision_id);
          expect(at.requests.slice(before).filter((id) => theirs.includes(id))).toEqual([]);
          at.wait(1000);
        }
        const done = await at.run();
        expect(done.state).toBe("done");
        expect(new Set(at.taken).size).toBe(at.taken.length);
        for (const [n, { decision_id, message_id }] of sends.entries()) {
          const entry = await at.state(decision_id);
          const isTaken = at.taken.includes(decision_id);
          // Nothing is left open, and what the outbox says is so.
          expect(["handed_over", "withheld", "refused", "dead", "in_doubt"]).toContain(entry?.state);
          if (entry?.state === "handed_over") expect(isTaken).toBe(true);
          if (entry?.state === "refused") expect(isTaken && isIdempotent).toBe(isTaken);
          if (!isTaken && entry?.state === "withheld") expect(gone.has(people[n]!)).toBe(true);
          expect(at.landed.includes(message_id)).toBe(entry?.state === "handed_over");
        }
      }),
      { seed: 20261129, numRuns: 60 },
    );
  },
  120_000,
);

test("when nobody answered and the receiver knows no key, then the mail is held until an event names it", async () => {
  const at = world([sendTo(1, 1)], { isIdempotent: false, answer: () => "lost" });
  expect((await at.run()).counts).toEqual({ in_doubt: 1 });
  expect((await at.run()).counts).toEqual({});
  expect(at.requests).toHaveLength(1);
  at.hear(sendTo(1, 1).decision_id);
  expect((await at.run()).by_reason).toEqual({ "handed_over: heard-of": 1 });
});

test("when somebody says --again, then doubtful and refused mails go out once more", async () => {
  const at = world([sendTo(1, 1), sendTo(2, 2)], {
    isIdempotent: false,
    answer: (_, n) => (n === 1 ? "lost" : n === 2 ? { kind: "refused", reason: "400" } : accepted),
  });
  await at.run();
  expect((await at.run({ again: true })).counts).toEqual({ handed_over: 2 });
});

test("when a receiver is busy, then a mail is tried so often and no more", async () => {
  const at = world([sendTo(1, 1)], { isIdempotent: true, answer: () => busy });
  expect(await at.run()).toMatchObject({
    state: "done",
    counts: { dead: 1 },
    by_reason: { "dead: 503": 1 },
    examples: [{ decision_id: sendTo(1, 1).decision_id, state: "dead", reason: "503" }],
  });
  expect(at.requests).toHaveLength(4);
});

test("when a receiver wants to be left alone for long, then the run ends and says until when", async () => {
  const at = world([sendTo(1, 1)], {
    isIdempotent: true,
    answer: (_, n) => (n === 1 ? { kind: "not-now", reason: "429", retry_after_ms: 600_000 } : accepted),
  });
  const first = await at.run();
  expect(first).toMatchObject({ state: "done", counts: { pending: 1 } });
  expect(Date.parse(first.next_at!) - begin).toBeGreaterThanOrEqual(600_000);
  expect((await at.run()).counts).toEqual({ pending: 1 });
  at.wait(600_001);
  expect((await at.run()).counts).toEqual({ handed_over: 1 });
});

test("when the set-up is wrong, then the run stops with every mail as it was", async () => {
  const sends = Array.from({ length: 9 }, (_, n) => sendTo(n, n));
  let isMended = false;
  const at = world(sends, {
    isIdempotent: true,
    answer: () => (isMended ? accepted : { kind: "set-up", reason: "401" }),
  });
  const stopped = await at.run({}, null, 1);
  expect(stopped).toMatchObject({ state: "stopped", stopped_by: { kind: "set-up", reason: "401" } });
  expect(at.requests).toHaveLength(1);
  isMended = true;
  expect((await at.run()).counts).toEqual({ handed_over: 9 });
});

test("when a person has two mails under a cap of one, then the second is withheld though both were decided", async () => {
  const at = world([sendTo(1, 1), sendTo(2, 1), sendTo(3, 2)], {
    isIdempotent: true,
    answer: () => accepted,
    policy: "caps: {per_person: [{sends: 1, days: 7}]}\n",
  });
  expect(await at.run()).toMatchObject({
    counts: { handed_over: 2, withheld: 1 },
    by_reason: { "withheld: cap-per-person": 1 },
  });
  expect(at.taken).toHaveLength(2);
});

test("when it is night where the person is, then the mail waits, and goes out in the morning", async () => {
  const at = world([sendTo(1, 1)], {
    isIdempotent: true,
    answer: () => accepted,
    policy: "quiet_hours: {from: '09:00', to: '12:00'}\nsend_time: {max_delay_hours: 24}\n",
  });
  expect((await at.run()).by_reason).toEqual({ "waiting: quiet-hours": 1 });
  at.wait(2 * 3_600_000 + 1);
  expect((await at.run()).counts).toEqual({ handed_over: 1 });
});

describe("when a mail answers an event that a purchase calls off", () => {
  const cartAt = begin - 7_200_000;
  const cart = {
    isIdempotent: true,
    answer: () => accepted,
    policy: "trigger: {on: event, events: [add_to_cart], delay_minutes: 60, cancelled_by: [purchase]}\n",
    otherIds: { [personId(1)]: [personId(101)] },
  };
  const mails = [1, 2].map((n) => sendTo(n, n, { triggered_at: cartAt }));

  test.each([
    ["the person bought after it was decided", [personId(1), "purchase", begin - 1], 1],
    ["the person bought under another id", [personId(101), "purchase", cartAt], 1],
    ["the person bought before the event", [personId(1), "purchase", cartAt - 1], 0],
    ["the person does something else", [personId(1), "page_view", begin - 1], 0],
    ["somebody else bought", [personId(9), "purchase", begin - 1], 0],
  ] as const)("and %s, then it is withheld or goes out as it should", async (_, [id, type, when], withheld) => {
    const at = world(mails, cart);
    at.act(id, type, when);
    const { counts, by_reason } = await at.run();
    expect(counts["handed_over"]).toBe(2 - withheld);
    expect(by_reason["withheld: called-off"] ?? 0).toBe(withheld);
  });

  test("but the mail answers no event, then a purchase does not keep it back", async () => {
    const at = world([sendTo(1, 1)], cart);
    at.act(personId(1), "purchase", begin - 1);
    expect((await at.run()).counts).toEqual({ handed_over: 1 });
  });
});

test("when a mail's time was long ago, then it is withheld as expired", async () => {
  const at = world([sendTo(1, 1, { send_at: begin - 25 * 3_600_000 })], { isIdempotent: true, answer: () => accepted });
  expect((await at.run()).by_reason).toEqual({ "withheld: expired": 1 });
  expect(at.requests).toEqual([]);
});

test("when a limit is set, then so many mails go out and the others are left for the next run", async () => {
  const sends = Array.from({ length: 7 }, (_, n) => sendTo(n, n));
  const at = world(sends, { isIdempotent: true, answer: () => accepted });
  expect(await at.run({ limit: 4 })).toMatchObject({ state: "limit-reached", counts: { handed_over: 4 } });
  expect(await at.run()).toMatchObject({ state: "done", counts: { handed_over: 3 }, earlier: 4 });
  expect(at.taken.map((id) => sends.find((send) => send.decision_id === id)!.user_id_hash).sort()).toEqual(
    sends.map((_, n) => personId(n)).sort(),
  );
});

test.each([
  ["was surely not taken by one receiver", busy, 1],
  ["may have been taken by one receiver", "lost", 0],
] as const)("when a mail %s, then another gets it only if it was not", async (_, first, others) => {
  const at = world([sendTo(1, 1)], { isIdempotent: true, answer: (_, n) => (n <= 2 ? first : accepted) });
  await at.run({ limit: 1 });
  const before = at.requests.length;
  await at.run({}, null, 2, "other");
  expect(at.requests.length - before > 0 ? 1 : 0).toBe(others);
  await at.run();
  expect(at.taken).toHaveLength(1);
});

test("when a run is interrupted, then requests under way are settled, and the next run goes on with the others", async () => {
  const sends = Array.from({ length: 9 }, (_, n) => sendTo(n, n));
  const at = world(sends, {
    isIdempotent: false,
    answer: (_, n) => {
      if (n === 4) at.interrupt();
      return accepted;
    },
  });
  const first = await at.run();
  expect(first.state).toBe("interrupted");
  expect(first.counts).toEqual({ handed_over: at.requests.length });
  expect((await at.run()).counts).toEqual({ handed_over: 9 - Number(first.counts.handed_over) });
  expect(at.taken).toHaveLength(9);
});
