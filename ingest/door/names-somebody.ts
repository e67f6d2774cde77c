import { replaceAddresses } from "../../platform/spellings.ts";
import { isHashedId } from "./address.ts";
import type { IdHasher } from "./id-hasher.ts";

/** Words are parted by these in every form that a payload has: JSON, CSV, forms, headers of a mail. */
const between = /[\s"'<>,;=&|()[\]{}\\]+/;
const longestId = 1024;
const encodedAt = /%(?:25){0,4}40|&#0{0,3}64;|&#x0{0,3}40;|&commat;|\\u0040|\\x40|=40|[\uff20\ufe6b]/i;

/**
 * Whether bytes name one of some people: an address or an id in them, as it is or pseudonymised under any of the keys, is one that `isWanted` knows. Looks
 * at addresses wherever they are spelled (percent signs, entities, quoted-printable: platform/spellings.ts) and at every word; base64 within the
 * bytes is undone once, as MIME has it.
 */
export function namesSomebody(
  bytes: Uint8Array,
  hashers: readonly IdHasher[],
  isWanted: (id: string) => boolean,
): boolean {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  const seen = new Set<string>();
  const isOne = (word: string): boolean => {
    if (word === "" || word.length > longestId || seen.has(word)) return false;
    seen.add(word);
    if (isHashedId(word)) return isWanted(word.toLowerCase());
    return isWanted(word) || hashers.some((hashId) => isWanted(hashId(word)));
  };
  for (const one of [text, ...decoded(text)]) {
    let isFound = false;
    replaceAddresses(one, (address) => {
      isFound ||= isOne(address) || isOne(address.replace(encodedAt, "@"));
      return "";
    });
    if (isFound || one.split(between).some((word) => isOne(word) || isOne(unescaped(word)))) return true;
    for (const [id] of one.matchAll(/sha256:[0-9a-fA-F]{64}/g)) if (isOne(id)) return true;
  }
  return false;
}

/** `jane%40example.org` as an address. */
function unescaped(word: string): string {
  if (!word.includes("%")) return "";
  try {
    return decodeURIComponent(word.replaceAll("+", " ")).trim();
  } catch {
    return "";
  }
}

function* decoded(text: string): Generator<string> {
  for (const [run] of text.matchAll(/(?:[A-Za-z0-9+/]{4,}[\r\n]{0,2}){4,}={0,2}/g)) {
    const inner = Buffer.from(run, "base64").toString("utf8");
    if (inner.length >= 6 && !inner.includes("\ufffd")) yield inner;
  }
  if (/=[0-9A-F]{2}/.test(text))
    yield text
      .replace(/=\r?\n/g, "")
      .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
