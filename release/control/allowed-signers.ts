import { UserError } from "../../errors/user-error.ts";
import { type PublicKey, publicKeyOf } from "./person-key.ts";

/** One line of OpenSSH's `allowed_signers`: a key, whose it is, and when it counts. */
export interface AllowedSigner {
  readonly person: string;
  readonly publicKey: PublicKey;
  readonly validAfter: Date | null;
  readonly validBefore: Date | null;
}

/**
 * Reads `allowed_signers` (ssh-keygen(1), ALLOWED SIGNERS): principal, options, key type, key. One principal a line, without patterns: a decision is
 * somebody's, not anybody's. The same key for two people is refused, however their names are written.
 */
export function parseAllowedSigners(text: string, where: string): readonly AllowedSigner[] {
  const signers: AllowedSigner[] = [];
  const owners = new Map<string, string>();
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const refuse = (message: string): UserError =>
      new UserError(message, { code: "people.signers", exit: "config", where: `${where}:${index + 1}` });
    const found = /^(\S+)\s+(?:(.*?)\s+)?(ssh-[a-z0-9-]+|ecdsa-\S+|sk-\S+)\s+([A-Za-z0-9+/=]+)(?:\s.*)?$/.exec(line);
    if (!found) throw refuse("not a line of allowed_signers: <person> [options] ssh-ed25519 <key>");
    const [, person = "", options = "", type, blob = ""] = found;
    if (/[*?!,"]/.test(person)) throw refuse(`"${person}" is a pattern or a list; a key is one person's`);
    if (type !== "ssh-ed25519") throw refuse(`a person's key is Ed25519, not ${type}`);
    if (/cert-authority/i.test(options)) throw refuse("certificates are not read; list each person's key");
    const spaces = /namespaces="([^"]*)"/i.exec(options)?.[1];
    if (spaces !== undefined && !spaces.split(",").includes("inboxloop")) continue;
    const publicKey = publicKeyOf(Buffer.from(blob, "base64"));
    const owner = owners.get(publicKey.fingerprint);
    if (owner !== undefined && owner !== sameName(person))
      throw refuse(`the key of ${person} is ${owner}'s already: one key cannot be two people`);
    owners.set(publicKey.fingerprint, sameName(person));
    const time = (option: string): Date | null => {
      const value = new RegExp(`${option}="?(\\d{8})(?:(\\d{4})(\\d{2})?)?Z?"?`, "i").exec(options);
      if (!value) return null;
      const [, day = "", minute = "0000", second = "00"] = value;
      return new Date(
        `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}T${minute.slice(0, 2)}:${minute.slice(2)}:${second}Z`,
      );
    };
    signers.push({ person, publicKey, validAfter: time("valid-after"), validBefore: time("valid-before") });
  }
  return signers;
}

/** Two spellings of one name: `Ada`, ` ada`. */
export const sameName = (name: string): string => name.trim().normalize("NFKC").toLowerCase();
