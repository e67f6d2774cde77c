import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { releaseLogFile } from "../../cli/release-log.ts";
import type { ReleaseEvent } from "../../release/events.ts";
import { anchorLog, appendEntries, genesis, readLog, verifyAnchors } from "../../release/log.ts";

const at = new Date("2026-03-01T00:00:00Z");
const submitted = (version: string): ReleaseEvent => ({
  kind: "submitted",
  version,
  model: "sha256:1",
  artefact: "sha256:2",
  snapshot: "abcd",
  evaluation: null,
  note: null,
});
let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "inboxloop-release-"));
  path = join(folder, "release_log.ndjson");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const append = (version: string, seen: string) =>
  appendEntries(releaseLogFile(path), { by: "ada", at, sign: null, events: [submitted(version)], seen });
const three = async () => {
  let seen = genesis;
  for (const version of ["v1", "v2", "v3"]) seen = (await append(version, seen)).at(-1)?.entry_hash as string;
  return seen;
};

describe("release log", () => {
  test("when entries are appended, then each names the one before and the head is the last", async () => {
    const head = await three();
    const log = await readLog(releaseLogFile(path));
    expect(log.head).toBe(head);
    expect(log.entries.map((e) => e.previous_hash)).toEqual([
      genesis,
      log.entries[0]?.entry_hash,
      log.entries[1]?.entry_hash,
    ]);
  });

  test("when somebody decides on an old head, then the entry is refused and nothing is written", async () => {
    await three();
    await expect(append("v4", genesis)).rejects.toMatchObject({ code: "release.stale", exitCode: 4 });
    expect((await readLog(releaseLogFile(path))).entries).toHaveLength(3);
  });

  test("when many decide at once on the same head, then exactly one succeeds", async () => {
    const results = await Promise.allSettled(Array.from({ length: 12 }, (_, i) => append(`v${i}`, genesis)));
    expect(results.filter((r) => r.status === "fulfilled")).toHaveLength(1);
    expect((await readLog(releaseLogFile(path))).entries).toHaveLength(1);
  });

  test("when an entry is edited, removed or moved, then reading names its line", async () => {
    await three();
    const lines = (await readFile(path, "utf8")).trimEnd().split("\n");
    const [first, second, third] = lines as [string, string, string];
    for (const [changed, line] of [
      [[first, second.replace('"v2"', '"v9"'), third], 2],
      [[first, third], 2],
      [[second, first, third], 1],
      [[second, third], 1],
    ] as const) {
      await writeFile(path, `${changed.join("\n")}\n`);
      await expect(readLog(releaseLogFile(path))).rejects.toMatchObject({
        code: "release.log-broken",
        where: `${path}:${line}`,
      });
    }
  });

  test("when the last line was cut off by a crash, then it is dropped and the next entry follows the whole ones", async () => {
    const head = await three();
    await appendFile(path, '{"sequence":3,"at":"2026');
    expect((await readLog(releaseLogFile(path))).head).toBe(head);
    await append("v4", head);
    const log = await readLog(releaseLogFile(path));
    expect(log.entries.map(({ event }) => "version" in event && event.version)).toEqual(["v1", "v2", "v3", "v4"]);
  });

  test("when a dead process left its lock, then the next writer takes it over", async () => {
    await writeFile(`${path}.lock`, "999999999 2026-01-01T00:00:00.000Z\n");
    await append("v1", genesis);
    expect((await readLog(releaseLogFile(path))).entries).toHaveLength(1);
  });

  test("when the tail is cut or the whole is written anew, then an anchor kept elsewhere tells", async () => {
    await three();
    const whole = await readFile(path, "utf8");
    const anchor = anchorLog(await readLog(releaseLogFile(path)), at);
    await append("v4", (await readLog(releaseLogFile(path))).head);
    expect(() => verifyAnchors({ entries: [], head: genesis }, [anchor], releaseLogFile(path))).toThrow(/tail was cut/);
    verifyAnchors(await readLog(releaseLogFile(path)), [anchor], releaseLogFile(path));
    await writeFile(path, `${whole.trimEnd().split("\n").slice(0, 2).join("\n")}\n`);
    expect(() => verifyAnchors({ entries: [], head: genesis }, [anchor], releaseLogFile(path))).toThrow(/not whole/);
    const cut = await readLog(releaseLogFile(path));
    expect(() => verifyAnchors(cut, [anchor], releaseLogFile(path))).toThrow(/had 3 entries .* and has 2/);
    await append("v9", cut.head);
    const anew = await readLog(releaseLogFile(path));
    expect(() => verifyAnchors(anew, [anchor], releaseLogFile(path))).toThrow(/written anew/);
  });

  test("when time goes back between two entries, then the log is not whole", async () => {
    await append("v1", genesis);
    const { head } = await readLog(releaseLogFile(path));
    const earlier = new Date(at.getTime() - 1);
    const late = appendEntries(releaseLogFile(path), {
      by: "ada",
      at: earlier,
      sign: null,
      events: [submitted("v2")],
      seen: head,
    });
    await expect(late).rejects.toMatchObject({ code: "release.clock" });
  });
});
