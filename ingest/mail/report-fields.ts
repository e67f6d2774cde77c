/** One block of `Name: value` lines; names in lower case, the values of a repeated name in order. */
export type ReportFields = ReadonlyMap<string, readonly string[]>;

const beginsRecipient = new Set(["final-recipient", "original-recipient"]);

/**
 * Reads the blocks of a message/delivery-status (RFC 3464 section 2.1) or message/feedback-report (RFC 5965 section 3): fields
 * as in a mail header, folded lines joined, an empty line between blocks. Lines that are no fields are passed over.
 */
export function readReportFields(text: string): readonly ReportFields[] {
  const blocks: Map<string, string[]>[] = [];
  let block: Map<string, string[]> | undefined;
  let last: string[] | undefined;
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === "") {
      block = undefined;
      last = undefined;
      continue;
    }
    if (/^[ \t]/.test(line) && last) {
      last[last.length - 1] = `${last.at(-1)} ${line.trim()}`;
      continue;
    }
    const field = /^([!-9;-~]{1,76}):[ \t]*(.*)$/.exec(line);
    if (!field?.[1]) continue;
    const name = field[1].toLowerCase();
    // Some systems leave out the empty line between recipients: a second one begins a block of its own.
    if (beginsRecipient.has(name) && block?.has(name)) block = undefined;
    if (!block) {
      block = new Map();
      blocks.push(block);
    }
    last = block.get(name) ?? [];
    last.push((field[2] ?? "").trim());
    block.set(name, last);
  }
  return blocks;
}

/** The first value of a field, undefined when it is absent or empty. */
export const fieldOf = (fields: ReportFields | undefined, name: string): string | undefined =>
  fields?.get(name)?.find((value) => value !== "");

/** `rfc822; <kijitora@example.jp>` => `kijitora@example.jp`; also `rfc822;"x"@y`, `RFC822; x@y (comment)`. */
export function addressOfField(value: string | undefined): string | undefined {
  if (!value) return undefined;
  const bare = value.replace(/^[\w.-]+\s*;\s*/, "").trim();
  return /<([^<>\s]+@[^<>\s]+)>/.exec(bare)?.[1] ?? /(?:"[^"]+"|[^\s<>"(),;:]+)@[^\s<>"(),;:]+/.exec(bare)?.[0];
}
