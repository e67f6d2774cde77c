import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ingestServeCommand } from "../../cli/commands/ingest/serve.ts";
import { createConsole } from "../../cli/console.ts";
import { releaseLogIn } from "../../cli/release-log.ts";
import { openTarget } from "../../targets/open-target.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "inboxloop-target-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const { signal } = new AbortController();
const open = (yaml: string, name?: string) => {
  writeFileSync(join(folder, "inboxloop.yaml"), yaml);
  return openTarget({ cwd: folder, settings: {}, signal }, name, undefined);
};

test("when a target names a topic and a subscription then these are its bus, and without them it is the spool", () => {
  const yaml = `targets:
  stream: {kind: bigquery, project: p, pubsub_topic: projects/p/topics/t, pubsub_subscription: projects/p/subscriptions/s}
  plain: {kind: local}
`;
  expect(open(yaml, "stream").bus).toEqual({
    topic: "projects/p/topics/t",
    subscription: "projects/p/subscriptions/s",
  });
  expect(open(yaml, "plain").bus).toEqual({ topic: undefined, subscription: undefined });
});

test("when a topic is not named whole then the setting is refused", () => {
  expect(() => open("targets: {one: {kind: local, pubsub_topic: signals}}", "one")).toThrow(
    /projects\/<p>\/topics\/<t>/,
  );
});

test("when the target's bus is a topic then a pipeline in the collector's process is refused, since the spool stays empty", async () => {
  const target = open("targets: {one: {kind: local, pubsub_topic: projects/p/topics/t}}", "one");
  const streams = { stdout: process.stdout, stderr: process.stderr };
  const world = {
    target,
    trainsOnVertex: false,
    releaseLog: releaseLogIn(target),
    home: target.home,
    cwd: folder,
    console: createConsole(streams, { json: false, quiet: true, env: {}, now: () => 0 }),
    settings: {},
    now: () => new Date(),
    signal,
  };
  await expect(
    ingestServeCommand(world, { host: "127.0.0.1", port: 0, statusHost: "127.0.0.1", withPipeline: true }),
  ).rejects.toMatchObject({ code: "collector.two-buses", message: expect.stringContaining("projects/p/topics/t") });
});
