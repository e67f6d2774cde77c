import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { UserError } from "../../errors/user-error.ts";
import { parseAllowedSigners, sameName } from "./allowed-signers.ts";
import { newPersonKey, type PublicKey, publicLine } from "./person-key.ts";
import { firstRights, parseRights, type Rights } from "./rights.ts";

export interface Enrolled {
  readonly person: string;
  readonly fingerprint: string;
  readonly roles: readonly string[];
  /** The private key's file; null when the person keeps their own. */
  readonly keyFile: string | null;
  readonly governance: string;
}

export interface EnrolRequest {
  readonly person: string;
  readonly roles: readonly string[];
  /** Folder of `rights.yaml` and `allowed_signers`. */
  readonly governance: string;
  /** Where a new private key goes; not needed with `publicKey`. */
  readonly keys: string;
  /** A key that the person has already. */
  readonly publicKey?: PublicKey | undefined;
}

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$/;

/** Makes a person known: a key (new, unless they have one) in `allowed_signers`, their roles in `rights.yaml`. */
export async function enrol(request: EnrolRequest): Promise<Enrolled> {
  const { person, governance, keys } = request;
  if (!namePattern.test(person)) {
    throw new UserError(`"${person}" is no name: letters, digits, . _ @ + - and nothing else`, {
      code: "people.name",
      exit: "usage",
    });
  }
  const signersPath = join(governance, "allowed_signers");
  const rightsPath = join(governance, "rights.yaml");
  const signers = (await read(signersPath)) ?? "";
  const rightsText = await read(rightsPath);
  const rights: Rights = rightsText === null ? firstRights({}) : parseRights(rightsText, rightsPath);
  if (parseAllowedSigners(signers, signersPath).some((s) => sameName(s.person) === sameName(person))) {
    throw new UserError(`${person} has a key already`, {
      code: "people.exists",
      exit: "usage",
      where: signersPath,
      next: "end the old key with valid-before=, then add the new line by hand",
    });
  }
  const made = request.publicKey ? null : newPersonKey(person);
  const publicKey = request.publicKey ?? made?.publicKey;
  if (!publicKey) throw new Error("a person without a key");
  const added = `${signers}${signers === "" || signers.endsWith("\n") ? "" : "\n"}${person} namespaces="inboxloop" ${publicLine(publicKey, person)}\n`;
  parseAllowedSigners(added, signersPath);
  const keyFile = made ? join(keys, `${person}.key`) : null;
  if (made && keyFile) {
    await mkdir(keys, { recursive: true, mode: 0o700 });
    await writeFile(keyFile, made.privateText, { mode: 0o600, flag: "wx" });
    await chmod(keyFile, 0o600);
  }
  await mkdir(governance, { recursive: true });
  await writeFile(signersPath, added);
  const people = { ...rights.people, [person]: [...request.roles] };
  await writeFile(rightsPath, stringify({ ...rights, people }));
  return { person, fingerprint: publicKey.fingerprint, roles: request.roles, keyFile, governance };
}

async function read(path: string): Promise<string | null> {
  return readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
}
