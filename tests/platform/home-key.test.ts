import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readHomeText, writeWhole } from "../../platform/home-files.ts";
import { homeKeysFrom } from "../../platform/home-key.ts";
import { giveHomeKeys, makeSealedHome, rotateHomeKey, sealOf } from "../../platform/home-seal.ts";
import { keyName } from "../../platform/key-ring.ts";

const key = (digit: string, version = "v1") => `${version}:hex:${digit.repeat(64)}`;

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "inboxloop key "));
  onTestFinished(() => {
    rmSync(made, { recursive: true, force: true });
    giveHomeKeys({});
  });
  return made;
}

let programs = 0;

/** A program of its own, in a folder whose name has a blank in it. */
function program(at: string, script: string): string {
  const path = join(at, `key-tool-${programs++}`);
  writeFileSync(path, `#!${process.execPath}\n${script}`);
  chmodSync(path, 0o700);
  return path;
}

/** The error of a command. */
function failing(command: string): { code: string; message: string; next: string } {
  try {
    homeKeysFrom({ INBOXLOOP_HOME_KEY_COMMAND: command, PATH: process.env["PATH"] });
  } catch (error) {
    return error as { code: string; message: string; next: string };
  }
  throw new Error("it gave a key");
}

test("when a command writes the key then the home is made and opened with it, and it ran once", async () => {
  const at = folder();
  const tool = program(
    at,
    `require("node:fs").appendFileSync(process.argv[2], "run\\n"); console.log("${key("1")}"); console.log("more");`,
  );
  const log = join(at, "runs");
  giveHomeKeys({ INBOXLOOP_HOME_KEY_COMMAND: `"${tool}" '${log}'` });
  const home = join(at, "home");
  const { wrapped_by } = await makeSealedHome(home);
  await writeWhole(join(home, "note"), "planted");
  expect(await readHomeText(join(home, "note"))).toBe("planted");
  expect(readFileSync(log, "utf8")).toBe("run\n");
  giveHomeKeys({ INBOXLOOP_HOME_KEY: key("1") });
  expect([sealOf(home)?.root, wrapped_by]).toEqual([
    home,
    keyName({ version: "v1", secret: Buffer.from("1".repeat(64), "hex") }),
  ]);
});

test("when the command writes the new key and the former one then the home is rotated", async () => {
  const at = folder();
  giveHomeKeys({ INBOXLOOP_HOME_KEY: key("1") });
  const home = join(at, "home");
  await makeSealedHome(home);
  giveHomeKeys({ INBOXLOOP_HOME_KEY_COMMAND: `"${program(at, `console.log("${key("2", "v2")},${key("1")}")`)}"` });
  expect((await rotateHomeKey(home)).wrapped_by).toMatch(/^v2:/);
  giveHomeKeys({ INBOXLOOP_HOME_KEY_COMMAND: `"${program(at, `console.log("${key("1")}")`)}"` });
  expect(() => sealOf(home)).toThrow(/INBOXLOOP_HOME_KEY_COMMAND gives v1:/);
});

test("when a command is run then no shell is, nothing of ours is in its environment, and it cannot read what is meant for us", () => {
  const at = folder();
  const seen = join(at, "seen");
  const tool = program(
    at,
    `const fs = require("node:fs");
     fs.writeFileSync(process.argv[2], JSON.stringify([process.argv.slice(3), process.env, fs.readFileSync(0, "utf8")]));
     console.log("${key("1")}");`,
  );
  const made = join(at, "made-by-a-shell");
  homeKeysFrom({
    INBOXLOOP_HOME_KEY_COMMAND: `"${tool}" "${seen}" $HOME | ; touch "${made}" a'b c'd`,
    INBOXLOOP_ID_KEY: "an id key of ours",
    GNUPGHOME: "/keys",
  });
  const [words, env, input] = JSON.parse(readFileSync(seen, "utf8")) as [string[], Record<string, string>, string];
  expect(words).toEqual(["$HOME", "|", ";", "touch", made, "ab cd"]);
  expect(existsSync(made)).toBe(false);
  expect(Object.keys(env).filter((name) => name.startsWith("INBOXLOOP_"))).toEqual([]);
  expect([env["GNUPGHOME"], input]).toEqual(["/keys", ""]);
});

test("when a command gives no key then the error names it, says how, and what to try", () => {
  const at = folder();
  const tool = (script: string) => `"${program(at, script)}"`;
  const cases: readonly (readonly [string, string])[] = [
    [tool(`console.error("no identity\\nmatched \\x1b[31many"); process.exit(3)`), "ended with 3: matched  [31many"],
    [tool(`process.kill(process.pid, "SIGTERM"); setTimeout(() => {}, 1000)`), "ended with SIGTERM"],
    [tool(`process.stdout.write("\\n")`), "wrote nothing"],
    [tool(`process.stdout.write("k".repeat(20000))`), "wrote more than 16384 bytes"],
    ["no-such-program-of-ours --decrypt", "there is no no-such-program-of-ours"],
    [`age -d "home.age`, "a quote in it is not closed"],
  ];
  for (const [command, how] of cases) {
    const error = failing(command);
    expect(error).toMatchObject({ code: "home.key-command", exit: "config", next: `try it by hand: ${command}` });
    expect(error.message).toMatch(/^INBOXLOOP_HOME_KEY_COMMAND gave no key: /);
    expect(error.message).toContain(how);
  }
});

test("when what a command writes is no key, or a key is set beside it, then that is refused, and the secret is not repeated", () => {
  const at = folder();
  const command = `"${program(at, `console.log("v1:short")`)}"`;
  const short = failing(command);
  expect(short).toMatchObject({ code: "home.bad-key", next: expect.stringContaining(command) });
  expect(`${short.message} ${short.next}`).not.toContain("v1:short");
  expect(short.message).toBe("key 1 of INBOXLOOP_HOME_KEY_COMMAND is shorter than 16 bytes");
  expect(() => homeKeysFrom({ INBOXLOOP_HOME_KEY_COMMAND: command, INBOXLOOP_HOME_KEY: key("1") })).toThrow(/both set/);
});
