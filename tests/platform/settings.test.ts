import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { environmentVariables, readSettings, targetNamed } from "../../platform/settings.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "inboxloop-settings-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const write = (text: string) => writeFileSync(join(folder, "inboxloop.yaml"), text);

test("when there is no file then local and bigquery are targets, and local is the one", () => {
  const settings = readSettings(folder);
  expect(targetNamed(settings, undefined)).toEqual({ name: "local", settings: { kind: "local" } });
  expect(targetNamed(settings, "bigquery").settings).toEqual({
    kind: "bigquery",
    ops_dataset: "ops",
  });
});

test("when a target is named then its settings hold, by the option before the default", () => {
  write(
    "default_target: eu\ntargets:\n  eu: { kind: bigquery, project: p, location: EU, bucket: gs://bkt/x }\n  dev: { kind: local, memory: 2GB }\n",
  );
  const settings = readSettings(folder);
  expect(targetNamed(settings, undefined)).toMatchObject({ name: "eu", settings: { project: "p", location: "EU" } });
  expect(targetNamed(settings, "dev")).toEqual({ name: "dev", settings: { kind: "local", memory: "2GB" } });
  expect(() => targetNamed(settings, "us")).toThrowError(/no target "us"/);
});

test.each([
  ["targets: { local: { kind: local, homes: x } }", /at targets.local/],
  ["targets: { p: { kind: bigquery, bucket: my-bucket } }", /at targets.p.bucket/],
  ["targets: { p: { kind: redshift } }", /at targets.p/],
  ["default: p", /at the top/],
  ["targets: {", /inboxloop.yaml/],
])("when the file says %s then the error names the place", (text, where) => {
  write(text);
  try {
    readSettings(folder);
    expect.unreachable();
  } catch (error) {
    expect(error).toMatchObject({ code: "settings.invalid", exit: "config" });
    expect((error as { where: string }).where).toMatch(where);
  }
});

test("when the sources read a variable of ours then the reference lists it", () => {
  const root = resolve(import.meta.dirname, "../..");
  const known = Object.keys(environmentVariables);
  const unknown = new Set<string>();
  for (const room of [
    "cli",
    "demo",
    "ingest",
    "platform",
    "release",
    "retrain",
    "serve",
    "activation",
    "governance",
    "targets",
    "warehouse",
  ]) {
    let files: string[] = [];
    try {
      files = readdirSync(join(root, room), { recursive: true })
        .map(String)
        .filter((file) => file.endsWith(".ts"));
    } catch {
      continue;
    }
    for (const file of files) {
      for (const [name] of readFileSync(join(root, room, file), "utf8").matchAll(/\bINBOXLOOP_[A-Z][A-Z_]*[A-Z]\b/g)) {
        const isKnown = known.some(
          (k) => k === name || (k.includes("<") && name.startsWith(k.slice(0, k.indexOf("<")))),
        );
        if (!isKnown && !known.some((k) => k.startsWith(`${name}_<`))) unknown.add(name);
      }
    }
  }
  expect([...unknown]).toEqual([]);
});
