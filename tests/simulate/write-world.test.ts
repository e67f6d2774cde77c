import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { UserError } from "../../errors/user-error.ts";
import events from "../../includes/events.js";
import rawTables from "../../includes/raw_tables.js";
import { decodeLine } from "../../ingest/door/decode.ts";
import { createDoor } from "../../ingest/door/door.ts";
import { defaultAdversaries } from "../../simulate/adversary-shares.ts";
import { worldConfig } from "../../simulate/config.ts";
import { readWorldConfig, type SimulationResult, writeWorld } from "../../simulate/write-world.ts";
import { readCsv, readLines } from "./world-files.ts";

const root = mkdtempSync(join(tmpdir(), "inboxloop-simulate-"));
const dir = join(root, "world");
let world: SimulationResult;

beforeAll(async () => {
  world = await writeWorld(worldConfig({ seed: 7, events: 100_000 }), dir);
});
afterAll(() => rmSync(root, { recursive: true }));

const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((total, n) => total + n, 0);

describe("determinism", () => {
  const small = { events: 8_000, days: 30 };
  const digests = (result: SimulationResult) => [...result.stream.files, ...result.after.files].map((f) => f.sha256);

  test("when the seed is the same the bytes are the same, the truth included", async () => {
    const one = await writeWorld(worldConfig({ seed: 11, ...small }), join(root, "one"));
    const two = await writeWorld(worldConfig({ seed: 11, ...small }), join(root, "two"));
    expect(digests(one)).toEqual(digests(two));
    for (const file of ["messages.csv", "signals.csv", "customers.csv", "treatments.json", "counts.json"]) {
      expect(
        readFileSync(join(root, "one", "truth", file)).equals(readFileSync(join(root, "two", "truth", file))),
        file,
      ).toBe(true);
    }
  });

  test("when the seed is another the world is another", async () => {
    const one = await writeWorld(worldConfig({ seed: 12, ...small }), join(root, "one"));
    const two = await writeWorld(worldConfig({ seed: 13, ...small }), join(root, "two"));
    expect(digests(one)).not.toEqual(digests(two));
  });

  test("when a world is written over a larger one, nothing of the larger one is left", async () => {
    await writeWorld(worldConfig({ seed: 12, ...small, events: 130_000 }), join(root, "one"));
    const again = await writeWorld(worldConfig({ seed: 12, ...small }), join(root, "one"));
    expect([...readLines(join(root, "one"))].length).toBe(again.stream.counts.lines);
  });
});

describe("the stream adds up", () => {
  test("when every line is taken through the door, each count of the truth is met exactly", () => {
    const door = createDoor({
      hashId: (id) => `sha256:${Buffer.from(id).toString("hex").padEnd(64, "0")}`,
      trustReceivedAt: true,
    });
    const found = {
      lines: 0,
      events: {} as Record<string, number>,
      rows: {} as Record<string, number>,
      duplicates: 0,
      deadLetters: {} as Record<string, number>,
    };
    const count = (counts: Record<string, number>, key: string) => {
      counts[key] = (counts[key] ?? 0) + 1;
    };
    const seen = new Set<string>();
    for (const { text } of readLines(dir)) {
      found.lines++;
      const admitted = door(decodeLine(Buffer.from(text, "latin1"), "test"), Date.UTC(2026, 0, 1) * 1000);
      if (admitted.kind === "dead-letter") count(found.deadLetters, admitted.reason);
      else if (admitted.table !== "events") count(found.rows, admitted.table);
      else if (seen.has(String(admitted.row["event_id"]))) found.duplicates++;
      else {
        seen.add(String(admitted.row["event_id"]));
        count(found.events, String(admitted.row["event_type"]));
      }
    }
    expect(found).toEqual(world.stream.counts);
    expect(found.lines).toBe(sum(found.events) + sum(found.rows) + sum(found.deadLetters) + found.duplicates);
  });

  test("it has at least the events that were asked for, and every kind of trouble", () => {
    expect(world.events).toBeGreaterThanOrEqual(100_000);
    expect(Object.keys(world.stream.counts.deadLetters).sort()).toEqual([
      "malformed-json",
      "missing-field",
      "time-in-future",
      "time-unreadable",
      "unknown-event-type",
      "wrong-type",
    ]);
    expect(world.stream.counts.duplicates).toBeGreaterThan(0);
    expect(Object.keys(world.stream.counts.rows).sort()).toEqual([
      "campaigns",
      "consents",
      "decisions",
      "profiles",
      "seed_tests",
    ]);
    expect(world.campaigns).toBeGreaterThanOrEqual(12);
    expect(Object.keys(world.stream.counts.events).sort()).toEqual([...events.names].sort());
  });

  test("every line that can land has the shape of its table and only metadata that its type may carry", () => {
    const bad: unknown[] = [];
    for (const { text, value } of readLines(dir)) {
      if (value === undefined) continue;
      const table = value["table"];
      if (typeof table === "string") {
        const columns = new Set(["table", "user_id", ...rawTables.columns(table).map((c) => c.name)]);
        if (Object.keys(value).some((key) => !columns.has(key))) bad.push(text);
        continue;
      }
      const type = value["event_type"];
      const metadata = value["metadata"];
      if (typeof type !== "string" || !events.names.includes(type) || metadata === null || typeof metadata !== "object")
        continue;
      const allowed = new Set(events.metadataKeys(type));
      if (Object.keys(metadata).some((key) => !allowed.has(key))) bad.push(text);
    }
    expect(bad).toEqual([]);
  });

  test("lines come in order of arrival, and those that arrive late or twice are there", () => {
    let last = "";
    let backwards = 0;
    let late = 0;
    for (const { value } of readLines(dir)) {
      const received = value?.["received_at"];
      const happened = value?.["timestamp_utc"];
      if (typeof received !== "string") continue;
      if (received < last) backwards++;
      else last = received;
      if (
        typeof happened === "string" &&
        happened < received &&
        Date.parse(received) - Date.parse(happened) > 3_500_000
      )
        late++;
    }
    // Only redeliveries carry an arrival that is not theirs.
    expect(backwards).toBeGreaterThan(0);
    expect(backwards).toBeLessThanOrEqual(world.stream.counts.duplicates);
    expect(late / world.events).toBeGreaterThan(0.01);
    expect(late / world.events).toBeLessThan(0.03);
  });
});

describe("the truth about signals", () => {
  test("when an open, a click or an unsubscribe landed, the truth knows who made it, and knows no others", () => {
    const landed = new Set<string>();
    for (const part of [dir, join(dir, "after")]) {
      for (const { value } of readLines(part)) {
        const type = value?.["event_type"];
        const time = value?.["timestamp_utc"];
        const isWhole =
          typeof time === "string" &&
          time.startsWith("2025-") &&
          !Number.isNaN(Date.parse(time)) &&
          typeof value?.["metadata"] === "object" &&
          typeof value["consent"] !== "object" &&
          "user_id" in value;
        if (["open", "click", "unsubscribe"].includes(String(type)) && isWhole) landed.add(String(value["event_id"]));
      }
    }
    const known = readCsv(join(dir, "truth", "signals.csv"));
    expect(new Set(known.map((s) => s["event_id"]))).toEqual(landed);
    expect(known.length).toBe(landed.size);
    for (const signal of known) expect(signal["is_human"]).toBe(String(signal["actor"]!.startsWith("person")));
  });

  test("when a provider has no feedback loop, its complaints are felt and never reported", () => {
    const isp = new Map(readCsv(join(dir, "truth", "customers.csv")).map((c) => [c["user_id"], c["isp"]]));
    const silent = new Set(["gmail", "apple", "corporate"]);
    const reported = [...readLines(dir)].filter(
      ({ value }) => value?.["event_type"] === "complaint" && value["user_id"],
    );
    expect(reported.length).toBeGreaterThan(10);
    expect(reported.filter(({ value }) => silent.has(isp.get(String(value!["user_id"])) ?? ""))).toEqual([]);
    const felt = readCsv(join(dir, "truth", "messages.csv")).filter((m) => m["is_complaint_felt"] === "true");
    expect(felt.some((m) => isp.get(m["user_id"]!) === "gmail")).toBe(true);
  });

  test("when somebody has unsubscribed, nothing is sent to them any more", () => {
    const left = new Map<string, string>();
    const sends: [string, string][] = [];
    for (const { value } of readLines(dir)) {
      const { event_type: type, user_id: user, timestamp_utc: at } = value ?? {};
      if (typeof at !== "string" || !at.startsWith("2025-") || typeof user !== "string") continue;
      if (type === "unsubscribe") left.set(user, at < (left.get(user) ?? "9") ? at : left.get(user)!);
      if (type === "sent") sends.push([user, at]);
    }
    expect(left.size).toBeGreaterThan(20);
    expect(sends.filter(([user, at]) => at > (left.get(user) ?? "9"))).toEqual([]);
  });
});

describe("rates", () => {
  const profile = join(import.meta.dirname, "../../../shared/data/rees46_messages_profile/profile.json");

  test.skipIf(!existsSync(profile))(
    "when compared with the REES46 profile, the shares of messages are within a third",
    () => {
      const { rates } = JSON.parse(readFileSync(profile, "utf8")) as { rates: Record<string, number> };
      const messages = new Map<string, Set<string>>();
      const classes: Record<string, number> = {};
      const actors = new Map(readCsv(join(dir, "truth", "signals.csv")).map((s) => [s["event_id"], s["actor"]]));
      for (const { value } of readLines(dir)) {
        const type = value?.["event_type"];
        if (typeof type !== "string" || typeof value?.["message_id"] !== "string") continue;
        if (type === "click" && !actors.get(String(value["event_id"]))?.startsWith("person")) continue;
        if (type === "bounce") {
          const kind = (value["metadata"] as { class?: string } | null)?.class ?? "";
          classes[kind] = (classes[kind] ?? 0) + 1;
        }
        if (!messages.has(type)) messages.set(type, new Set());
        messages.get(type)!.add(value["message_id"]);
      }
      const sent = messages.get("sent")!.size;
      const share = (type: string) => messages.get(type)!.size / sent;
      const close = (actual: number, expected: number) => {
        expect(actual / expected).toBeGreaterThan(2 / 3);
        expect(actual / expected).toBeLessThan(4 / 3);
      };
      close(share("open"), rates["opened"]!);
      close(share("click"), rates["clicked"]!);
      close(share("unsubscribe"), rates["unsubscribed"]!);
      close(classes["hard"]! / sent, rates["hard_bounced"]!);
      close(classes["soft"]! / sent, rates["soft_bounced"]!);
      // Larger than the profile's on purpose, see simulate/README.md.
      expect(share("complaint")).toBeGreaterThan(0.0005);
      expect(share("complaint")).toBeLessThan(0.002);
      expect(share("conversion")).toBeGreaterThan(0.0008);
      expect(share("conversion")).toBeLessThan(0.0025);
    },
  );

  test("when opens are counted, machines made more than half and people a good part", () => {
    const opens = Object.entries(world.actors).filter(([key]) => key.startsWith("open/"));
    const people = opens.filter(([key]) => key.startsWith("open/person"));
    const machines = 1 - sum(Object.fromEntries(people)) / sum(Object.fromEntries(opens));
    expect(machines).toBeGreaterThan(0.5);
    expect(machines).toBeLessThan(0.7);
    expect(world.actors["click/gateway"]).toBeGreaterThan(100);
  });

  test("when the default shares stand, every kind of machine and of person is there, each under a name of its own", () => {
    const made = Object.keys(world.actors);
    for (const key of [
      "open/person",
      "open/person-behind-cdn",
      "open/person-in-office",
      "click/person-from-notification",
      "unsubscribe/person",
      "open/apple-privacy-proxy-full-agent",
      "click/browser-gateway",
      "click/patient-gateway",
      "click/single-link-gateway",
      "open/pre-delivery-gateway",
      "unsubscribe/unsubscribing-gateway",
    ])
      expect(made).toContain(key);
  });

  test("when a share is nought, none of that kind is there, and a share above one is refused", async () => {
    const none = { ...defaultAdversaries, patientGateway: 0, notificationClicks: 0, cdnCampaigns: 0 };
    const quiet = await writeWorld(worldConfig({ seed: 7, events: 20_000, adversaries: none }), join(root, "quiet"));
    expect(Object.keys(quiet.actors).filter((key) => /patient|notification|cdn/.test(key))).toEqual([]);
    expect(() => worldConfig({ adversaries: { ...none, patientGateway: 1.1 } })).toThrow(UserError);
  });

  test("when the simulator makes machines, it reads nothing of what the models know of them", () => {
    const folder = join(import.meta.dirname, "../../simulate");
    for (const file of readdirSync(folder).filter((name) => name.endsWith(".ts")))
      expect(readFileSync(join(folder, file), "utf8"), file).not.toMatch(
        /includes\/(machines|signal_trust|labels|time)/,
      );
  });
});

describe("refusals", () => {
  test("when the folder holds something else, it is left alone", async () => {
    const other = mkdtempSync(join(root, "other-"));
    writeFileSync(join(other, "thesis.txt"), "mine");
    await expect(writeWorld(worldConfig({ events: 1_000 }), other)).rejects.toMatchObject({
      code: "simulate.folder-in-use",
    });
    expect(readFileSync(join(other, "thesis.txt"), "utf8")).toBe("mine");
  });

  test.each([
    [{ seed: -1 }, "simulate.seed"],
    [{ events: 10 }, "simulate.events"],
    [{ days: 3 }, "simulate.days"],
    [{ startsOn: "soon" }, "simulate.day"],
  ])("when asked for %j it is refused as %s", (options, code) => {
    expect(() => worldConfig(options)).toThrow(expect.objectContaining({ code }) as UserError);
  });

  test("when a world is read back its config is the one it was made from", () => {
    expect(readWorldConfig(dir)).toEqual(world.config);
    expect(() => readWorldConfig(root)).toThrow(UserError);
  });
});
