import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type LockOptions, livenessOf, ownerText, withLock } from "../../platform/journal/lock.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "inboxloop-lock-"));
  path = join(folder, "lock");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const options = (given: Partial<LockOptions> = {}): LockOptions => ({
  pid: process.pid,
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  patienceMs: 200,
  leaseMs: 300,
  ...given,
});
/** A lock as a process of another container would have written it: a process id that lives here, and means another one there. */
const foreign = (): string => JSON.stringify({ ...JSON.parse(ownerText(process.pid)), place: "another container" });

test("when two want it then one waits for the other", async () => {
  const order: string[] = [];
  await Promise.all(
    ["a", "b", "c"].map((name) =>
      withLock(path, options({ patienceMs: 5_000 }), async () => {
        order.push(`${name} in`);
        await new Promise((resolve) => setTimeout(resolve, 20));
        order.push(`${name} out`);
      }),
    ),
  );
  for (let i = 0; i < order.length; i += 2) expect(order[i + 1]).toBe(order[i]?.replace("in", "out"));
});

test("when its holder was killed then it is taken over at once", async () => {
  const dead = spawnSync(process.execPath, ["-e", ""]).pid;
  writeFileSync(path, ownerText(process.pid).replace(`"pid":${process.pid}`, `"pid":${dead}`));
  await expect(withLock(path, options({ leaseMs: 60_000 }), async () => "mine")).resolves.toBe("mine");
});

test("when its holder lives then waiting ends with who it is", async () => {
  writeFileSync(path, ownerText(process.pid));
  await expect(withLock(path, options(), async () => {})).rejects.toMatchObject({
    code: "journal.locked",
    next: expect.stringContaining(`ps -p ${process.pid}`),
  });
});

test("when its holder is in another container and works then it is not taken away", async () => {
  writeFileSync(path, foreign());
  const beats = setInterval(() => utimesSync(path, new Date(), new Date()), 50);
  try {
    await expect(withLock(path, options({ patienceMs: 900 }), async () => {})).rejects.toThrowError(
      /another container/,
    );
  } finally {
    clearInterval(beats);
  }
});

test("when its holder is in another container and silent for a lease then it is taken over", async () => {
  writeFileSync(path, foreign());
  const began = performance.now();
  await withLock(path, options(), async () => {});
  expect(performance.now() - began).toBeGreaterThan(300);
});

test("when somebody took it over meanwhile then what was about to be written is refused, and theirs stays", async () => {
  await expect(
    withLock(path, options(), async (held) => {
      held.check();
      writeFileSync(path, foreign());
      held.check();
    }),
  ).rejects.toMatchObject({ code: "journal.locked-lost" });
  expect(livenessOf(foreign())).toBe("unknown");
  await expect(withLock(path, options({ leaseMs: 50 }), async () => "later")).resolves.toBe("later");
});

const canUnshare = spawnSync("unshare", ["--pid", "--fork", "true"]).status === 0;
test.runIf(canUnshare)("when two pid namespaces share a volume then one at a time gets in", async () => {
  const log = join(folder, "log");
  const script = join(import.meta.dirname, "support", "lock-holder.ts");
  const run = (name: string): ChildProcess =>
    spawn("unshare", ["--pid", "--fork", process.execPath, "--import", "tsx", script, path, log, name], {
      stdio: ["ignore", "inherit", "inherit"],
    });
  const children = [run("a"), run("b")];
  const codes = await Promise.all(children.map((c) => new Promise((resolve) => c.once("close", resolve))));
  expect(codes).toEqual([0, 0]);
  const { readFileSync } = await import("node:fs");
  const lines = readFileSync(log, "utf8").trim().split("\n");
  expect(lines).toHaveLength(12);
  for (let i = 0; i < lines.length; i += 2) expect(lines[i + 1]).toBe(lines[i]?.replace("in", "out"));
});
