import { mailWords } from "./mail-words.ts";

/** What stands where a person's name was. */
export const nameMask = "[name]";

const isWordOfMail = (word: string): boolean => mailWords.has(word.toLowerCase().replace(/['’]s?$/, ""));

/** Words of three letters and more in capitals within, or at the begin, as names are written: Jane, O'Brien, Müller-Lüdenscheidt. */
const capitalised =
  /(?<![\p{L}\p{N}@._/=-])\p{Lu}[\p{Ll}\p{M}][\p{L}\p{M}'’-]*(?:\s+(?:\p{Lu}\.\s*)?(?:(?:van|von|de|der|den|da|di|la|le|bin|al|el)\s+){0,2}\p{Lu}[\p{Ll}'’][\p{L}\p{M}'’-]*)*(?![\p{L}\p{N}@_=]|\.\p{L})/gu;
/** What a name follows. */
const afterCue =
  /(?<=(?<![\p{L}\p{N}_])(?:user|username|account|mailbox|recipient|addressee|customer|subscriber|owner|name|named|dear|hello|hi|hallo|mr|mrs|ms|miss|dr|herr|frau|is|am|i'm|regards|cheers|thanks)[.,:]?\s+['"“<(]?)\p{L}[\p{L}\p{M}\p{N}'’._-]*(?:\s+\p{L}[\p{L}\p{M}'’-]*){0,2}/giu;

/**
 * A text that a person or a server wrote, without the names in it: words written like names or standing where names stand
 * that are no words of mail (`mailWords`), and the words of the recipient's own address.
 *
 *   550 5.1.1 User jane.doe unknown    =>  550 5.1.1 User [name] unknown
 *   Jane Doe: I never signed up        =>  [name]: I never signed up
 */
export function withoutNames(text: string, localPart: string | undefined): string {
  let clean = text;
  if (localPart !== undefined) {
    const words = localPart.split(/[^\p{L}]+/u).filter((word) => word.length >= 3 && !isWordOfMail(word));
    const known = [localPart, ...words]
      .filter((word) => word.length >= 3)
      .map((word) => word.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&"));
    if (known.length > 0) {
      clean = clean.replace(
        new RegExp(`(?<![\\p{L}\\p{N}])(?:${known.join("|")})(?![\\p{L}\\p{N}])`, "giu"),
        (found) => (isWordOfMail(found) ? found : nameMask),
      );
    }
  }
  return clean
    .replace(afterCue, nameless)
    .replace(capitalised, nameless)
    .replace(/\[name\](?:\s+\[name\])+/g, nameMask);
}

const leads = /^(?:is|am|named?|mr|mrs|ms|miss|dr|herr|frau|dear)[.:]?$/i;

/** The words of a find that are no words of mail, masked; up to the first word of mail where it follows a cue. */
function nameless(found: string): string {
  let isOver = false;
  return found.replace(/[\p{L}\p{M}\p{N}'’._-]+/gu, (word) => {
    if (isOver || isWordOfMail(word)) {
      isOver ||= !leads.test(word);
      return word;
    }
    // A host or a code is no name: mx1.example.net, abc12345.
    if (/\d/.test(word) && /\d{3}|\./.test(word)) return word;
    if (/\.\p{L}{2,}$/u.test(word) && word.split(".").length > 2) return word;
    return nameMask;
  });
}
