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

/**
 * `rfc822; <kijitora@example.jp>` => `kijitora@example.jp`; also `rfc822;"x"@y`, `RFC822; x@y (comment)`, and what RFC 6533 section 3 escapes:
 * `utf-8; j\\x{F6}rg@example.com` => `jörg@example.com`.
 */
export function addressOfField(value: string | undefined): string | undefined {
  if (!value) return undefined;
  const bare = withoutEscapes(value.replace(/^[\w.-]+\s*;\s*/, "").trim());
  return /<([^<>\s]+@[^<>\s]+)>/.exec(bare)?.[1] ?? /(?:"[^"]+"|[^\s<>"(),;:]+)@[^\s<>"(),;:]+/.exec(bare)?.[0];
}

/** utf-8-addr-xtext and utf-8-addr-unitext of RFC 6533; an escape that names no character stays. */
const withoutEscapes = (text: string): string =>
  text.replace(/\\x\{([0-9A-Fa-f]{2,6})\}/g, (all, hex: string) => {
    const point = Number.parseInt(hex, 16);
    return point >= 0x20 && point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff)
      ? String.fromCodePoint(point)
      : all;
  });

/**
 * The recipient of a report's block (RFC 3464): whom the sender wrote to, else whom the mail was for at last. ORCPT travels as xtext (RFC 3461
 * section 4), which some systems pass on as it is: `kim+2Btag@example.org` is `kim+tag@example.org` unless the final recipient says otherwise.
 */
export function recipientOfBlock(block: ReportFields): string | undefined {
  const final = addressOfField(fieldOf(block, "final-recipient"));
  const stated = fieldOf(block, "original-recipient");
  const original = addressOfField(stated);
  const decoded = addressOfField(stated === undefined ? undefined : withoutXtext(stated));
  if (decoded === undefined || decoded === original) return original ?? final;
  return original !== undefined && original.toLowerCase() === final?.toLowerCase() ? original : decoded;
}

/** Only what xtext must write so (`+`, `=`, and `@` where there is none): a tag after a plus sign looks alike. */
function withoutXtext(text: string): string {
  const codes = text.includes("@") ? /\+(2B|3D)/g : /\+(2B|3D|40)/g;
  return text.replace(codes, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** The `Message-ID` of a mail, `<id@host>`, without the brackets. */
export const messageIdOf = (fields: ReportFields | undefined): string | undefined =>
  /<?([^<>\s]+@[^<>\s]+)>?/.exec(fieldOf(fields, "message-id") ?? "")?.[1];
