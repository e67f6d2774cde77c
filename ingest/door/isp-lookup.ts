import { readFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
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
  const [header = "", ...lines] = textOf(path)
    .replace(/^\ufeff/, "")
    .split(/\r?\n/);
  const cells = (line: string): readonly string[] =>
    line.split(/[,;\t]/).map((cell) =>
      cell
        .trim()
        .replace(/^"(.*)"$/, "$1")
        .toLowerCase(),
    );
  const columns = cells(header);
  const [domainAt, mxAt, ispAt] = ["domain", "mx", "isp"].map((name) => columns.indexOf(name)) as [
    number,
    number,
    number,
  ];
  if (domainAt < 0 || (mxAt < 0 && ispAt < 0))
    throw unusable(path, "its header has not `domain` and one of `mx` and `isp`");
  const found = new Map<string, string>();
  for (const line of lines) {
    const row = cells(line);
    const domain = row[domainAt];
    const isp = (ispAt >= 0 && row[ispAt]) || isps.ofMx(mxAt >= 0 ? row[mxAt] : undefined);
    if (domain && isp) found.set(domain, isp);
  }
  return (domain) => found.get(domain.toLowerCase());
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
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
