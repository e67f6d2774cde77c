import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors/user-error.ts";
import { type AllowedSigner, parseAllowedSigners, sameName } from "./allowed-signers.ts";
import type { PersonKey } from "./person-key.ts";
import { parseRights, type Rights } from "./rights.ts";
import { signerOf, signText } from "./sshsig.ts";

/** Who may decide what, and whose key is whose: `rights.yaml` and `allowed_signers` of a governance folder. */
export interface People {
  readonly rights: Rights;
  readonly signers: readonly AllowedSigner[];
  readonly folder: string;
}

/** Somebody who decides, with the key in hand. */
export interface Person {
  readonly name: string;
  readonly fingerprint: string;
  sign(text: string): string;
}

async function textOf(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** Reads the folder; null when it has no rights: then nobody may decide anything yet. */
export async function readPeople(folder: string): Promise<People | null> {
  const [rightsPath, signersPath] = [join(folder, "rights.yaml"), join(folder, "allowed_signers")];
  const [rights, signers] = await Promise.all([textOf(rightsPath), textOf(signersPath)]);
  if (rights === null || signers === null) return null;
  return {
    rights: parseRights(rights, rightsPath),
    signers: parseAllowedSigners(signers, signersPath),
    folder,
  };
}

/** The person whose key it is, at a time; a UserError when it is nobody's, or not then. */
export function personWith(people: People, key: PersonKey, at: Date): Person {
  const found = personOf(people, key.publicKey.fingerprint, at);
  if (!found) {
    throw new UserError(`no person has the key ${key.publicKey.fingerprint}`, {
      code: "people.unknown-key",
      exit: "check",
      where: join(people.folder, "allowed_signers"),
      next: "inboxloop keys person <name>",
    });
  }
  return { name: found, fingerprint: key.publicKey.fingerprint, sign: (text) => signText(text, key) };
}

function personOf(people: People, fingerprint: string, at: Date): string | null {
  const signer = people.signers.find(
    ({ publicKey, validAfter, validBefore }) =>
      publicKey.fingerprint === fingerprint &&
      (validAfter === null || at >= validAfter) &&
      (validBefore === null || at < validBefore),
  );
  return signer?.person ?? null;
}

/** Whether the signature is of this text, by a key that was the named person's at that time. */
export function isSignedBy(people: People, name: string, text: string, signature: string, at: Date): boolean {
  const key = signerOf(text, signature);
  if (!key) return false;
  const owner = personOf(people, key.fingerprint, at);
  return owner !== null && sameName(owner) === sameName(name);
}
