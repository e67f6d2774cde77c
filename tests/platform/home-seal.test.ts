import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { UserError } from "../../errors/user-error.ts";
import { readHomeText, writeWhole } from "../../platform/home-files.ts";
import {
  giveHomeKeys,
  headerFile,
  makeSealedHome,
  refuseClearHome,
  rotateHomeKey,
  sealedState,
  sealOf,
} from "../../platform/home-seal.ts";
import { journalFile } from "../../platform/journal/journal-file.ts";

const key = (digit: string, version = "v1") => `${version}:hex:${digit.repeat(64)}`;

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "inboxloop-seal-"));
  onTestFinished(() => {
    rmSync(made, { recursive: true, force: true });
    giveHomeKeys({});
  });
  return join(made, "home");
}

test("when a home is encrypted then its files hold nothing in clear and are read back", async () => {
  const home = folder();
  giveHomeKeys({ INBOXLOOP_HOME_KEY: key("1") });
  await makeSealedHome(home);
  const path = join(home, "models", "m", "model.json");
  await writeWhole(path, "planted text");
  expect(readFileSync(path).includes("planted")).toBe(false);
  expect(await readHomeText(path)).toBe("planted text");
  const outside = join(home, "..", "clear.txt");
  await writeWhole(outside, "planted text");
  expect(readFileSync(outside, "utf8")).toBe("planted text");
});

test("when the same text is sealed twice then its bytes differ", async () => {
  const home = folder();
  giveHomeKeys({ INBOXLOOP_HOME_KEY: key("1") });
  await makeSealedHome(home);
  for (const name of ["a", "b"]) await writeWhole(join(home, name), "planted text");
  expect(readFileSync(join(home, "a")).equals(readFileSync(join(home, "b")))).toBe(false);
});

test("when any byte of a sealed file is changed, or it was never sealed, then reading it says so", async () => {
  const home = folder();
  giveHomeKeys({ INBOXLOOP_HOME_KEY: key("1") });
  await makeSealedHome(home);
  const path = join(home, "file");
  await writeWhole(path, "planted");
  const whole = readFileSync(path);
  for (let at = 0; at < whole.length; at++) {
    const bytes = Buffer.from(whole);
    bytes[at]! ^= 1;
    writeFileSync(path, bytes);
    await expect(readHomeText(path)).rejects.toMatchObject({ code: "home.damaged-file", where: path });
  }
  for (const bytes of [whole.subarray(0, 20), Buffer.alloc(0), Buffer.from("planted")]) {
    writeFileSync(path, bytes);
    await expect(readHomeText(path)).rejects.toMatchObject({ code: "home.damaged-file", next: expect.any(String) });
  }
});

test("when the key is missing or another then the error names the key that is wanted", async () => {
  const home = folder();
  giveHomeKeys({ INBOXLOOP_HOME_KEY: key("1") });
  const { wrapped_by } = await makeSealedHome(home);
  const wanted = { next: `set INBOXLOOP_HOME_KEY to the key ${wrapped_by}`, where: join(home, headerFile) };
  giveHomeKeys({});
  const either = `${wanted.next}, or INBOXLOOP_HOME_KEY_COMMAND to a command that writes it`;
  expect(() => sealOf(join(home, "x"))).toThrowError(
    expect.objectContaining({ ...wanted, code: "home.no-key", next: either }),
  );
  giveHomeKeys({ INBOXLOOP_HOME_KEY: key("2") });
  expect(() => sealOf(join(home, "x"))).toThrowError(expect.objectContaining({ code: "home.wrong-key", ...wanted }));
  // Nothing is written in clear meanwhile.
  await expect(writeWhole(join(home, "x"), "planted")).rejects.toMatchObject({ code: "home.wrong-key" });
  expect(sealedState(home)).toEqual({ root: home, wrapped_by });
});

test("when the header is changed then nothing opens", async () => {
  const home = folder();
  giveHomeKeys({ INBOXLOOP_HOME_KEY: key("1") });
  await makeSealedHome(home);
  const path = join(home, headerFile);
  const header = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  for (const change of [
    { home: "00000000-0000-4000-8000-000000000000" },
    { tag: Buffer.alloc(16).toString("base64") },
    { format: 2 },
    { cipher: "none" },
  ]) {
    giveHomeKeys({ INBOXLOOP_HOME_KEY: key("1") });
    writeFileSync(path, JSON.stringify({ ...header, ...change }));
    expect(() => sealOf(home)).toThrowError(expect.objectContaining({ code: "home.damaged-key" }));
  }
});

test("when the wrapping key is rotated then data stays as it is, the new key opens it and the former one does not", async () => {
  const home = folder();
  giveHomeKeys({ INBOXLOOP_HOME_KEY: key("1") });
  await makeSealedHome(home);
  const path = join(home, "file");
  await writeWhole(path, "planted");
  const before = readFileSync(path);
  giveHomeKeys({ INBOXLOOP_HOME_KEY: `${key("2", "v2")},${key("1")}` });
  const done = await rotateHomeKey(home);
  expect([done.before.slice(0, 3), done.wrapped_by?.slice(0, 3)]).toEqual(["v1:", "v2:"]);
  expect(readFileSync(path).equals(before)).toBe(true);
  giveHomeKeys({ INBOXLOOP_HOME_KEY: key("2", "v2") });
  expect(await readHomeText(path)).toBe("planted");
  giveHomeKeys({ INBOXLOOP_HOME_KEY: key("1") });
  await expect(readHomeText(path)).rejects.toMatchObject({ code: "home.wrong-key" });
});

test("when the rotation knows only the new key then it changes nothing", async () => {
  const home = folder();
  giveHomeKeys({ INBOXLOOP_HOME_KEY: key("1") });
  const { wrapped_by } = await makeSealedHome(home);
  giveHomeKeys({ INBOXLOOP_HOME_KEY: key("2", "v2") });
  await expect(rotateHomeKey(home)).rejects.toMatchObject({ code: "home.wrong-key" });
  expect(sealedState(home).wrapped_by).toBe(wrapped_by);
});

test("when there is something in a folder, or no key, then no encrypted home is made of it", async () => {
  const home = folder();
  giveHomeKeys({});
  await expect(makeSealedHome(home)).rejects.toMatchObject({ code: "home.no-key" });
  giveHomeKeys({ INBOXLOOP_HOME_KEY: key("1") });
  await mkdir(join(home, "raw"), { recursive: true });
  await expect(makeSealedHome(home)).rejects.toMatchObject({ code: "home.not-empty" });
  expect(sealedState(home).wrapped_by).toBeNull();
});

test("when it is production then a home in clear is refused with the way out, and an encrypted one is not", async () => {
  const home = folder();
  const production = { INBOXLOOP_ENV: "production", INBOXLOOP_HOME_KEY: key("1") };
  giveHomeKeys(production);
  expect(() => refuseClearHome(home, production)).toThrowError(
    expect.objectContaining({ code: "home.in-clear", where: home, next: expect.stringContaining("keys home make") }),
  );
  refuseClearHome(home, {});
  await makeSealedHome(home);
  refuseClearHome(home, production);
});

test("when a journal's home is encrypted then its lines hold nothing in clear, and a changed one is told", async () => {
  const home = folder();
  giveHomeKeys({ INBOXLOOP_HOME_KEY: key("1") });
  await makeSealedHome(home);
  const path = join(home, "log.ndjson");
  const kind = {
    name: "the test's log",
    parse: (body: object) => body as { readonly what: string },
    damaged: (where: string, what: string) =>
      new UserError(`${where}: ${what}`, { code: "test.damaged", exit: "check", next: "mend it" }),
  };
  const open = () => journalFile(path, kind, { pid: process.pid, sleep: () => Promise.resolve(), patienceMs: 1_000 });
  const { head } = await open().read();
  const first = await open().append([{ what: "planted" }], head);
  if (first.kind !== "appended") throw new Error("not appended");
  await open().append([{ what: "planted again" }], first.entries[0]!.entry_hash);
  const bytes = readFileSync(path);
  expect(bytes.includes("planted") || bytes.includes("what")).toBe(false);
  expect((await open().read()).entries.map(({ what }) => what)).toEqual(["planted", "planted again"]);
  const changed = Buffer.from(bytes);
  changed[30] = changed[30] === 65 ? 66 : 65;
  writeFileSync(path, changed);
  await expect(open().read()).rejects.toThrowError(/log\.ndjson:1: the line is not what was encrypted/);
});
