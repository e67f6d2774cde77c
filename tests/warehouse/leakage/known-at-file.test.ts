import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { type CheckedProject, checkProject } from "../../../warehouse/dataform/leakage/check-project.ts";
import { knowledgeIn } from "../../../warehouse/dataform/leakage/known-at-file.ts";

// The Dataform compiler is a process of its own; on a busy machine it takes its time.
vi.setConfig({ testTimeout: 240_000 });

const stranger = resolve(import.meta.dirname, "stranger");
const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

/** Checks a project that is not ours; `file`: its known_at.yaml, null for none. */
async function checkStranger(file?: string | null): Promise<CheckedProject> {
  const dir = await mkdtemp(join(tmpdir(), "inboxloop-test-"));
  folders.push(dir);
  await cp(stranger, dir, { recursive: true });
  if (file === null) await rm(join(dir, "known_at.yaml"));
  else if (file !== undefined) await writeFile(join(dir, "known_at.yaml"), file);
  return await checkProject({ projectDir: dir, cacheDir: join(dir, ".compiled") });
}

const kinds = ({ findings }: CheckedProject): readonly (readonly string[])[] =>
  findings.map(({ model, column, kind }) => [model.replace(/^.*\./, ""), column, kind]);

test("when a project says when its sources are known then its leaks are found, and what was known in time is accepted", async () => {
  const checked = await checkStranger();
  expect(checked.models).toHaveLength(6);
  expect(kinds(checked)).toEqual([
    ["leaky_same_instant", "visits", "not-before"],
    ["leaky_town_of_today", "town", "late-state"],
    ["leaky_visits_of_any_time", "visits", "after"],
  ]);
});

test("when it says nothing then every source is unknown, and the next step is its file", async () => {
  const { findings } = await checkStranger(null);
  expect(new Set(findings.map(({ kind }) => kind))).toEqual(new Set(["unknown-source"]));
  expect(findings[0]!.next).toMatch(/^say in known_at\.yaml when shop\.\S+ is known/);
});

test("when it accepts what may be known late then that is passed over, for that column alone", async () => {
  const text = await readFile(join(stranger, "known_at.yaml"), "utf8");
  const model = "features.leaky_town_of_today";
  const accepted = `\naccepted:\n  - { column: ${model}.town, from: [shop.readers.town, shop.readers.*], why: nobody moves in a year }\n`;
  const known = `  ${model}: { kind: query }\n`;
  const checked = await checkStranger(text + known + accepted);
  expect(kinds(checked).map(([one]) => one)).toEqual(["leaky_same_instant", "leaky_visits_of_any_time"]);
});

test("when it speaks of a table or a column that is not there then it is refused by its name", async () => {
  const text = await readFile(join(stranger, "known_at.yaml"), "utf8");
  await expect(checkStranger(text.replace("shop.visits:", "shop.visit:"))).rejects.toMatchObject({
    code: "leakage.known-at",
    message: "not a known_at.yaml: the project has no table shop.visit",
  });
  await expect(checkStranger(text.replace("at: seen_at", "at: saw_at"))).rejects.toThrow(
    "shop.visits has no column saw_at",
  );
});

test.each([
  ["an act without a time", "  a.b: { kind: act }", 3, /tables\.a\.b\.kind: an act wants `at`/],
  ["a kind that is none", "  a.b:\n    kind: event", 4, /kind/],
  ["a line that is none", "  a.b: { kind: fixed, when: never }", 3, /when/],
  ["a name without its dataset", "  visits: { kind: fixed }", 3, /dataset\.table/],
  ["a time of what has none", "  a.b: { kind: state, at: x }", 3, /not known from a time on/],
])("when the file has %s then it is refused with its line", (_, line, at, message) => {
  const read = () => knowledgeIn(`schema: "1"\ntables:\n${line}\n`, "known_at.yaml");
  expect(read).toThrow(message);
  try {
    read();
  } catch (error) {
    expect(error).toMatchObject({ code: "leakage.known-at", where: `known_at.yaml:${at}` });
  }
});

test("the page's example is the file of this project", async () => {
  const page = await readFile(resolve(import.meta.dirname, "../../../docs/reference/leakage.md"), "utf8");
  expect(page).toContain(await readFile(join(stranger, "known_at.yaml"), "utf8"));
});
