import { spawnSync } from "node:child_process";
import { UserError } from "../errors/user-error.ts";
import { keysFromSetting, type VersionedKey } from "./key-ring.ts";

type Variables = Readonly<Record<string, string | undefined>>;

export const homeKeySetting = "INBOXLOOP_HOME_KEY";
export const homeKeyCommandSetting = "INBOXLOOP_HOME_KEY_COMMAND";
export const makeHomeKey = `${homeKeySetting}=v1:hex:$(openssl rand -hex 32)`;

/** What a command may write: keys with their versions are a few hundred bytes. */
const mostBytes = 16 << 10;
/** A person may have to type a passphrase, or to touch a token. */
const patienceMs = 120_000;

export interface HomeKeys {
  readonly keys: readonly [VersionedKey, ...VersionedKey[]];
  /** The setting that they come from. */
  readonly from: string;
}

/** The keys of homes: INBOXLOOP_HOME_KEY, or what INBOXLOOP_HOME_KEY_COMMAND writes; undefined where neither is set. Runs the command at each call. */
export function homeKeysFrom(variables: Variables): HomeKeys | undefined {
  const command = variables[homeKeyCommandSetting]?.trim();
  const keys = keysFromSetting(homeKeySetting, variables, "home.bad-key");
  if (!command) return keys && { keys, from: homeKeySetting };
  if (keys)
    throw new UserError(`${homeKeySetting} and ${homeKeyCommandSetting} are both set`, {
      code: "home.bad-key",
      exit: "config",
      where: homeKeyCommandSetting,
      next: `unset ${homeKeySetting}`,
    });
  const written = { [homeKeyCommandSetting]: outputOf(command, variables) };
  const next = `${command}   (it has to write a key as ${homeKeySetting} has it: v1:hex:<64 digits>)`;
  return { keys: keysFromSetting(homeKeyCommandSetting, written, "home.bad-key", next)!, from: homeKeyCommandSetting };
}

/** The first line that a command writes. It is run without a shell, reads nothing, and sees none of our own variables. */
function outputOf(command: string, variables: Variables): string {
  const failed = (how: string, cause?: unknown): UserError =>
    new UserError(`${homeKeyCommandSetting} gave no key: ${how}`, {
      code: "home.key-command",
      exit: "config",
      where: homeKeyCommandSetting,
      next: `try it by hand: ${command}`,
      cause,
    });
  const [program, ...words] = wordsOf(command) ?? [];
  if (program === undefined) throw failed("a quote in it is not closed");
  const env = Object.fromEntries(Object.entries(variables).filter(([name]) => !name.startsWith("INBOXLOOP_")));
  const { error, status, signal, stdout, stderr } = spawnSync(program, words, {
    env: env as NodeJS.ProcessEnv,
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: mostBytes,
    timeout: patienceMs,
    killSignal: "SIGKILL",
    encoding: "utf8",
  });
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === "ENOENT") throw failed(`there is no ${program}`, error);
  if (code === "ENOBUFS") throw failed(`${program} wrote more than ${mostBytes} bytes`, error);
  if (code === "ETIMEDOUT") throw failed(`${program} did not end within ${patienceMs / 1000} s`, error);
  if (error) throw failed(`${program} could not be run (${code})`, error);
  if (status !== 0) throw failed(`${program} ended with ${signal ?? status}${saidBy(stderr)}`);
  const [line = ""] = stdout.split("\n", 1);
  if (line.trim() === "") throw failed(`${program} wrote nothing${saidBy(stderr)}`);
  return line.trim();
}

/** The last line of what a program complained of, short and without what moves a terminal. */
function saidBy(stderr: string): string {
  const line = stderr.trimEnd().split("\n").at(-1) ?? "";
  const plain = line.replace(/\p{Cc}+/gu, " ").trim();
  return plain === "" ? "" : `: ${plain.slice(0, 200)}`;
}

/**
 * The words of a command, parted by blanks; what stands in quotes is one. Nothing is expanded. Undefined where a quote is not closed.
 *
 *   age -d -i "/root/my key" home.age  =>  age, -d, -i, /root/my key, home.age
 */
function wordsOf(command: string): readonly string[] | undefined {
  const word = /(?:[^\s"']|"[^"]*"|'[^']*')+/g;
  if (/\S/.test(command.replace(word, ""))) return undefined;
  return [...command.matchAll(word)].map(([found]) => found.replace(/"([^"]*)"|'([^']*)'/g, "$1$2"));
}
