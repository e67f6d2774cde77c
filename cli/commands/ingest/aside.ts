import { lstatSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { isDynamicPattern } from "tinyglobby";
import type { SetAside, Unreadable } from "../../../ingest/unreadable.ts";
import type { Environment } from "../../environment.ts";

/**
 * Where files of a run are told that could not be read. One file alone has no others that could go on: its error is the command's, and nothing listens.
 */
export function asideIn(
  { console, cwd }: Pick<Environment, "console" | "cwd">,
  patterns: readonly string[],
): { readonly unreadable: readonly Unreadable[]; readonly setAside: SetAside | undefined } {
  const unreadable: Unreadable[] = [];
  const [only = ""] = patterns;
  if (patterns.length === 1 && !(isFolder(resolve(cwd, only)) ?? isDynamicPattern(only)))
    return { unreadable, setAside: undefined };
  const setAside: SetAside = (one) => {
    unreadable.push(one);
    console.warn(`not read: ${one.path}: ${one.why} [${one.code}]${one.next ? `; next: ${one.next}` : ""}`);
  };
  return { unreadable, setAside };
}

function isFolder(path: string): boolean | undefined {
  try {
    return statSync(path).isDirectory();
  } catch {
    return undefined;
  }
}

/** Whether nothing has this name: not a link that leads nowhere, nor what lies in a folder that is closed to us. */
export function isMissing(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) === undefined;
  } catch {
    return false;
  }
}
