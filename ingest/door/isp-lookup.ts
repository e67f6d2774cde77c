import { readFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { parse } from "csv-parse/sync";
import { UserError } from "../../errors/user-error.ts";
import isps from "../../includes/isps.js";

/** The mailbox provider group of a recipient's domain, where a list of the sender's names it. */
export type IspOfDomain = (domain: string) => string | undefined;

/**
 * Reads a list of domains with the host that takes their mail, or with the provider's group itself: a CSV file with the columns `domain` and `mx` or
 * `isp`, made by whoever may ask the DNS; nothing is asked here. A domain whose host the table does not know is `other` as before.
 */
export function ispLookup(file: string | undefined, cwd: string): IspOfDomain | undefined {
  if (file === undefined) return undefined;
  const path = isAbsolute(file) ? file : join(cwd, file);
  const [header = [], ...rows] = cellsOf(path);
  const [domainAt = -1, mxAt = -1, ispAt = -1] = ["domain", "mx", "isp"].map((name) => header.indexOf(name));
  if (domainAt < 0 || (mxAt < 0 && ispAt < 0))
    throw unusable(path, "its header has not `domain` and one of `mx` and `isp`");
  const found = new Map<string, string>();
  for (const row of rows) {
    const domain = row[domainAt];
    const isp = (ispAt >= 0 && row[ispAt]) || isps.ofMx(mxAt >= 0 ? row[mxAt] : undefined);
    if (domain && isp) found.set(domain, isp);
  }
  return (domain) => found.get(domain.toLowerCase());
}

function cellsOf(path: string): readonly (readonly string[])[] {
  try {
    const text = readFileSync(path, "utf8").toLowerCase();
    const form = { bom: true, delimiter: [",", ";", "\t"], trim: true, skip_empty_lines: true };
    return parse(text, { ...form, relax_column_count: true, relax_quotes: true });
  } catch (cause) {
    throw unusable(path, "it cannot be read", cause);
  }
}

const unusable = (path: string, what: string, cause?: unknown): UserError =>
  new UserError(`the list of mailbox providers cannot be used: ${what}`, {
    code: "settings.invalid",
    exit: "config",
    where: `isp_lookup: ${path}`,
    next: "docs/reference/dimensions.md says what stands in it",
    cause,
  });
