import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type OtherWorldOptions, otherWorld } from "./other-scanners.ts";
import { inboxloop } from "./run-cli.ts";
import { auc, brier, hits, type Judged } from "./scores.ts";

const root = mkdtempSync(join(tmpdir(), "inboxloop-trust-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Row {
  readonly event_id: string;
  readonly event_type: string;
  readonly p_human: number;
  readonly by_rule: number;
  readonly by_three: number;
}

/** A world through the door and the models: what each judge says of its signals, by type and by who made them. */
function judge(options: OtherWorldOptions) {
  const folder = join(root, `world-${options.seed}`);
  mkdirSync(folder);
  const { lines, truth } = otherWorld(options);
  writeFileSync(join(folder, "events.ndjson"), lines.join("\n"));
  inboxloop(join(folder, "home"), "ingest", "file", join(folder, "events.ndjson"));
  inboxloop(join(folder, "home"), "build", "--select", "+labels.signal_trust", "--vars", "as_of=2026-03-01T00:00:00Z");
  // the rule of three signals: within two seconds, an agent on a list, and no list of addresses that would name these networks
  const answer = inboxloop(
    join(folder, "home"),
    "query",
    `select trust.event_id, trust.event_type, trust.p_human, if(trust.is_machine, 0, 1) as by_rule,
       if(evidence.seconds_after_delivery < 2 or evidence.agent_class in ('scanner', 'proxy'), 0, 1) as by_three
     from labels.signal_trust as trust
     join labels.signal_evidence as evidence using (event_id, event_type, subject_key)`,
  ) as { rows: Row[] } | Row[];
  const rows = Array.isArray(answer) ? answer : answer.rows;
  expect(rows.length).toBe(truth.size);
  const groups = new Map<string, Record<"ours" | "rule" | "three", Judged[]>>();
  for (const row of rows) {
    const { actor, type, isHuman } = truth.get(row.event_id)!;
    for (const key of [type, `${type}/${actor}`]) {
      const group = groups.get(key) ?? { ours: [], rule: [], three: [] };
      groups.set(key, group);
      group.ours.push({ p: Number(row.p_human), isHuman });
      group.rule.push({ p: Number(row.by_rule), isHuman });
      group.three.push({ p: Number(row.by_three), isHuman });
    }
  }
  return groups;
}

describe("scanners that the simulator does not have", () => {
  test("when networks and visits are known then people and machines are told apart, better than by either rule", () => {
    const groups = judge({ seed: 5, recipients: 700, mails: 5, hasNetworks: true, hasFlags: true, hasVisits: true });
    for (const type of ["open", "click", "unsubscribe"]) {
      const { ours, rule, three } = groups.get(type)!;
      expect(auc(ours), type).toBeGreaterThan(0.98);
      expect(auc(ours), type).toBeGreaterThanOrEqual(auc(rule));
      expect(auc(ours), type).toBeGreaterThan(auc(three));
      expect(brier(ours), type).toBeLessThan(0.03);
      expect(brier(ours), type).toBeLessThan(brier(three));
    }
    // whom the rules miss altogether
    for (const key of ["click/person-in-a-hurry", "click/sampler", "open/night-watch", "open/doorman"]) {
      const { ours, rule } = groups.get(key)!;
      expect(hits(ours), key).toBeGreaterThan(0.8);
      expect(hits(ours), key).toBeGreaterThan(hits(rule));
    }
    for (const key of ["open/person", "click/person", "open/person-in-office", "open/person-behind-cdn"])
      expect(hits(groups.get(key)!.ours), key).toBeGreaterThan(0.85);
  });

  test("when there is neither network nor flag nor visit, and little mail, then it still beats both, and says what it does not know", () => {
    const groups = judge({ seed: 6, recipients: 700, mails: 2, hasNetworks: false, hasFlags: false, hasVisits: false });
    for (const type of ["open", "click"]) {
      const { ours, rule, three } = groups.get(type)!;
      expect(auc(ours), type).toBeGreaterThan(Math.max(auc(rule), auc(three)) + 0.05);
      expect(brier(ours), type).toBeLessThan(Math.min(brier(rule), brier(three)) / 2);
    }
    // behind a CDN, without a network, nothing tells a reader's open from a proxy's: it says so
    const unsure = groups.get("open/person-behind-cdn")!.ours.map(({ p }) => p);
    expect(unsure.reduce((sum, p) => sum + p, 0) / unsure.length).toBeGreaterThan(0.4);
  });
});
