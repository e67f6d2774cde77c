import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "lmdb";
import { expect, onTestFinished, test } from "vitest";
import { giveHomeKeys, makeSealedHome, rotateHomeKey, sealOf } from "../../platform/home-seal.ts";
import { openAs, openStore, type Store } from "../../platform/store/open-store.ts";
import { sealStore } from "../../platform/store/seal-store.ts";
import type { TableSpec } from "../../platform/store/tables.ts";

const key = (digit: string, version = "v1") => `${version}:hex:${digit.repeat(64)}`;
const people = { name: "people", keys: "texts", isShaped: true } as const satisfies TableSpec;
const mails = { name: "mails", keys: "texts" } as const satisfies TableSpec;
const queue = { name: "queue", keys: "numbers" } as const satisfies TableSpec;
const times = { name: "times", keys: "groups" } as const satisfies TableSpec;
const states = { name: "states", keys: "open-groups" } as const satisfies TableSpec;
type Time = readonly [string, number, string];

async function home(isSealed: boolean): Promise<string> {
  const made = mkdtempSync(join(tmpdir(), "inboxloop-store-"));
  onTestFinished(() => {
    rmSync(made, { recursive: true, force: true });
    giveHomeKeys({});
  });
  giveHomeKeys({ INBOXLOOP_HOME_KEY: key("1") });
  if (isSealed) await makeSealedHome(join(made, "home"));
  return join(made, "home", "online");
}

const tablesOf = (store: Store) => ({
  people: store.table<unknown>(people),
  mails: store.table<unknown>(mails),
  queue: store.numbered<unknown>(queue),
  times: store.grouped<string, Time>(times),
  states: store.grouped<true, readonly [string, string]>(states),
});

/** Everything that a store says of what was put into it. */
async function filled(folder: string) {
  const store = openStore(folder, { compression: true });
  const tables = tablesOf(store);
  await store.transaction(() => {
    for (const n of [3, 1, 2]) {
      tables.people.put(`planted-person-${n}`, {
        name: "planted name",
        // Long enough to be packed where it is in clear.
        acts: Array.from({ length: 400 }, (_, at) => ({ at, act: "open", none: null })),
        nothing: undefined,
      });
      tables.queue.put(n, { planted: n });
      tables.times.put(["planted-person-1", -n, `d${n}`], `d${n}`);
      tables.states.put(["pending", `planted-decision-${n}`], true);
    }
    tables.times.put(["planted-person-12", 0, "d9"], "d9");
    tables.states.put(["dead", "planted-decision-1"], true);
    tables.people.remove("planted-person-2");
  });
  await store.flushed();
  const sorted = (all: Iterable<unknown>) => [...all].map((one) => JSON.stringify(one)).sort();
  const paged: unknown[] = [];
  for (let after: readonly [string, string] | undefined; ; ) {
    const page = [...tables.states.group("pending", { after, limit: 2 })];
    if (page.length === 0) break;
    paged.push(...page);
    after = page.at(-1)!.key;
  }
  const said = {
    person: tables.people.get("planted-person-1"),
    gone: [
      tables.people.get("planted-person-2"),
      tables.people.has("planted-person-2"),
      tables.people.has("planted-person-3"),
    ],
    people: [sorted(tables.people.entries()), sorted(tables.people.keys())],
    queue: [[...tables.queue.above(1, 1)], [...tables.queue.upTo(2)], tables.queue.count()],
    times: sorted(tables.times.group("planted-person-1")),
    paged: sorted(paged),
    names: sorted(tables.states.keys()),
  };
  await store.close();
  return said;
}

test("when a home is encrypted then a store says what one in clear says, and its file holds none of it", async () => {
  const [sealed, clear] = [await home(true), await home(false)];
  const said = await filled(sealed);
  expect(said).toEqual(await filled(clear));
  expect(said.people[1]).toEqual(['"planted-person-1"', '"planted-person-3"']);
  expect(said.paged).toHaveLength(3);
  const holds = (folder: string, text: string) => readFileSync(join(folder, "data.mdb")).includes(text);
  for (const text of ["planted", "name", "acts"])
    expect([text, holds(sealed, text), holds(clear, text)]).toEqual([text, false, true]);
});

test("when a value is put in the place of another then it does not open", async () => {
  const folder = await home(true);
  const store = openStore(folder);
  await store.transaction(() => {
    for (const table of [people, mails]) for (const id of ["a", "b"]) store.table(table).put(id, { is: id });
  });
  await store.close();
  const root = open({ path: folder, maxDbs: 12, cache: false });
  const kept = (name: string) => root.openDB<Buffer, string>({ name: `${name} sealed`, encoding: "binary" });
  const [first, second] = [...kept("people").getKeys({})] as [string, string];
  const ofMails = [...kept("mails").getKeys({})] as string[];
  await kept("people").put(first, kept("people").get(second)!);
  // The same id has another token in another table, and its value opens in neither's place.
  expect(ofMails).not.toContain(first);
  await kept("people").put(second, kept("mails").get(ofMails[0]!)!);
  await root.close();
  const again = openStore(folder);
  for (const id of ["a", "b"]) {
    expect(() => again.table(people).get(id)).toThrowError(/not what was written/);
    expect(again.table(mails).get(id)).toEqual({ is: id });
  }
  await again.close();
});

test("when the wrapping key is rotated then the store opens under the new one, and none opens it without", async () => {
  const folder = await home(true);
  const said = await filled(folder);
  giveHomeKeys({ INBOXLOOP_HOME_KEY: `${key("2", "v2")},${key("1")}` });
  await rotateHomeKey(join(folder, ".."));
  giveHomeKeys({ INBOXLOOP_HOME_KEY: key("2", "v2") });
  const store = openStore(folder);
  expect(store.table(people).get("planted-person-1")).toEqual(said.person);
  await store.close();
  giveHomeKeys({ INBOXLOOP_HOME_KEY: key("1") });
  expect(() => openStore(folder)).toThrowError(/is encrypted under the key/);
});

test("when a store is in clear in an encrypted home, or encrypted in one in clear, then it is not opened", async () => {
  const folder = await home(true);
  const store = openAs(folder, undefined);
  await store.transaction(() => store.table(people).put("a", 1));
  await store.close();
  expect(() => openStore(folder)).toThrowError(expect.objectContaining({ code: "home.clear-store" }));
  const other = await home(true);
  const sealed = openStore(other);
  await sealed.transaction(() => sealed.table(people).put("a", 1));
  await sealed.close();
  expect(() => openAs(other, undefined)).toThrowError(expect.objectContaining({ code: "home.damaged-key" }));
  const again = openAs(other, sealOf(other));
  expect(again.table(people).get("a")).toBe(1);
  await again.close();
});

const specs = [people, mails, queue, times, states];

test("when a store in clear is sealed and the process dies anywhere, then it says the same before and after, and no text is left", async () => {
  const clear = await home(false);
  const said = await filled(clear);
  for (const point of ["store-copied people", "store-copied states", "store-written", "store-moved"]) {
    const folder = await home(true);
    cpSync(clear, folder, { recursive: true });
    const seal = sealOf(folder)!;
    const dies = sealStore({ folder, tables: specs, options: { compression: true } }, seal, (at) => {
      if (at === point) throw new Error("killed");
    });
    await expect(dies).rejects.toThrowError("killed");
    const isMoved = point === "store-moved";
    const between = openAs(folder, isMoved ? seal : undefined, { compression: true });
    expect(between.table(people).get("planted-person-1")).toEqual(said.person);
    await between.close();
    expect(await sealStore({ folder, tables: specs, options: { compression: true } }, seal)).toBe(
      isMoved ? undefined : 13,
    );
    const store = openStore(folder);
    const tables = tablesOf(store);
    expect(tables.people.get("planted-person-1")).toEqual(said.person);
    expect([...tables.queue.upTo(9)]).toEqual([1, 2, 3]);
    expect([...tables.times.group("planted-person-1")]).toHaveLength(3);
    expect([...tables.states.group("pending")]).toHaveLength(3);
    await store.close();
    expect(readFileSync(join(folder, "data.mdb")).includes("planted")).toBe(false);
    expect(readdirSync(join(folder, ".."))).not.toContain("online-sealing");
  }
});

test("when another process has a store open, then it is not sealed under it, and the process is named", async () => {
  const folder = await home(true);
  const store = openAs(folder, undefined);
  await store.transaction(() => store.table(people).put("a", 1));
  await store.close();
  const script = `const { open } = require("lmdb"); const root = open({ path: ${JSON.stringify(folder)}, maxDbs: 12, cache: false });
    root.openDB({ name: "people" }).get("a"); console.log("open"); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  const seal = sealOf(folder)!;
  await expect(sealStore({ folder, tables: specs, options: { compression: true } }, seal)).rejects.toMatchObject({
    code: "home.in-use",
    message: expect.stringContaining(String(child.pid)),
  });
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(await sealStore({ folder, tables: specs, options: { compression: true } }, seal)).toBe(1);
});
