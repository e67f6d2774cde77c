import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeFolderWhole } from "../../platform/files.ts";
import { writeWhole } from "../../platform/home-files.ts";
import { ownerText } from "../../platform/journal/lock.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "inboxloop-files-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A folder that somebody is making, or was. */
function half(name: string, owner: string | undefined, daysOld = 0): void {
  mkdirSync(join(folder, `.tmp-${name}`));
  writeFileSync(join(folder, `.tmp-${name}`, "part"), name);
  if (owner !== undefined) writeFileSync(join(folder, `.tmp-${name}.owner`), owner);
  const at = Date.now() / 1000 - daysOld * 86_400;
  utimesSync(join(folder, `.tmp-${name}`), at, at);
}
const make = (name: string) =>
  makeFolderWhole(join(folder, name), (temporary) => writeWhole(join(temporary, "file"), name));

test("when earlier makers were killed then what they left goes, and what somebody still makes stays, in another container too", async () => {
  const gone = spawnSync(process.execPath, ["-e", ""]).pid;
  const elsewhere = JSON.stringify({ ...JSON.parse(ownerText(process.pid)), pid: gone, place: "another container" });
  half("dead", ownerText(gone));
  half("living", ownerText(process.pid));
  half("elsewhere", elsewhere);
  half("elsewhere-long-ago", elsewhere, 2);
  half("nobody-knows", undefined);
  half("nobody-knows-long-ago", undefined, 2);
  expect(await make("whole")).toBe(true);
  const left = readdirSync(folder)
    .filter((name) => !name.endsWith(".owner"))
    .sort();
  expect(left).toEqual([".tmp-elsewhere", ".tmp-living", ".tmp-nobody-knows", "whole"]);
  expect(readdirSync(folder).filter((name) => name.endsWith(".owner"))).toHaveLength(2);
  expect(readdirSync(join(folder, "whole"))).toEqual(["file"]);
});

test("when a folder or a file is made many times at once then one is there, whole, and nothing beside it", async () => {
  expect((await Promise.all(Array.from({ length: 8 }, () => make("same")))).filter(Boolean)).toHaveLength(1);
  const texts = Array.from({ length: 8 }, (_, n) => String(n).repeat(100_000));
  await Promise.all(texts.map((text) => writeWhole(join(folder, "file"), text)));
  expect(texts).toContain(readFileSync(join(folder, "file"), "utf8"));
  expect(readdirSync(folder).sort()).toEqual(["file", "same"]);
});
