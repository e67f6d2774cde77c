import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { otherWorld } from "./other-scanners.ts";
import { inboxloop } from "./run-cli.ts";

const root = mkdtempSync(join(tmpdir(), "inboxloop-labels-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test("when labels are reported then every labelling function is there with what it is worth, and people are measured against", () => {
  const home = join(root, "home");
  const { lines } = otherWorld({
    seed: 9,
    recipients: 120,
    mails: 3,
    hasNetworks: true,
    hasFlags: true,
    hasVisits: true,
  });
  const people = ["c0-1", "c0-2", "c0-3"].map((message) =>
    JSON.stringify({
      table: "human_labels",
      message_id: message,
      label: "clicked",
      labelled_by: "ann",
      labelled_at: "2026-02-01T00:00:00Z",
    }),
  );
  writeFileSync(join(root, "events.ndjson"), [...lines, ...people].join("\n"));
  inboxloop(home, "ingest", "file", join(root, "events.ndjson"));
  inboxloop(home, "build", "--select", "+labels.voters", "--vars", "as_of=2026-03-01T00:00:00Z");
  const { voters } = inboxloop(home, "labels", "report", "--question", "engaged") as {
    voters: { voter: string; owner: string; coverage: number; measured_accuracy: number | null; measured_on: number }[];
  };
  expect(voters.map(({ voter }) => voter).sort()).toEqual([
    "answered",
    "bought",
    "clicked",
    "did_not_arrive",
    "unopened",
    "visited",
  ]);
  const clicked = voters.find(({ voter }) => voter === "clicked")!;
  expect(clicked.coverage).toBeGreaterThan(0.9);
  expect(Number(clicked.measured_on)).toBe(3);
}, 240_000);
