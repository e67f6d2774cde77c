import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes, randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { UserError } from "../errors/user-error.ts";
import { writeAsIs } from "./files.ts";
import { type HomeKeys, homeKeyCommandSetting, homeKeySetting, homeKeysFrom, makeHomeKey } from "./home-key.ts";
import { keyName, type VersionedKey } from "./key-ring.ts";

/**
 * A home that is encrypted at rest holds `home-key.json`: its data key, wrapped under a key from outside (home-key.ts). What
 * lies below that file is written under keys made of the data key, one for each kind of file; docs/adr/0046 says what is, and what is not. Who has the wrapping key and not
 * the disk, or the disk and not the wrapping key, has nothing.
 */
export const headerFile = "home-key.json";

type Variables = Readonly<Record<string, string | undefined>>;

/** What a key made of the data key is for. */
export type SealedKind = "database" | "parquet" | "files" | "store-values" | "store-tokens";

/** The open envelope of a home. */
export interface HomeSeal {
  readonly root: string;
  /** Tells this home's keys from another's where an engine holds several. */
  readonly name: string;
  key(kind: SealedKind): Buffer;
}

const base64 = z.base64().min(1);
const headerShape = z.strictObject({
  note: z.string(),
  format: z.literal(1),
  home: z.uuid(),
  cipher: z.literal("AES-256-GCM"),
  /** The name of the key that the data key is wrapped under. */
  wrapped_by: z.string(),
  nonce: base64,
  tag: base64,
  data_key: base64,
});
type Header = z.infer<typeof headerShape>;

const headerPath = (root: string): string => join(root, headerFile);

/** The variables of the process, which whoever starts it gives once; a home that is not encrypted asks for none. */
let variables: Variables = {};
/** What they say, asked for once. */
let known: HomeKeys | undefined;
const opened = new Map<string, HomeSeal>();

/** Says where the keys of homes are to be found: at the start of a process or thread. */
export function giveHomeKeys(given: Variables): void {
  variables = given;
  known = undefined;
  opened.clear();
}

function homeKeys(): HomeKeys | undefined {
  known ??= homeKeysFrom(variables);
  return known;
}

/** Where DuckDB's `httpfs` extension is, whose OpenSSL writes what DuckDB encrypts; undefined: where `INSTALL httpfs` puts it. */
export const cryptoExtension = (): string | undefined => variables["INBOXLOOP_DUCKDB_CRYPTO"]?.trim() || undefined;

/** The folder of the encrypted home that a path lies in; undefined where it lies in none. */
export function sealedRootOf(path: string): string | undefined {
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    if (existsSync(headerPath(folder))) return folder;
    if (dirname(folder) === folder) return undefined;
  }
}

/** What a file at that path is encrypted with; undefined where its home is in clear. Throws where the home's key is not there or is another. */
export function sealOf(path: string): HomeSeal | undefined {
  const root = sealedRootOf(path);
  if (root === undefined) return undefined;
  const header = readHeader(root);
  const before = opened.get(root);
  if (before?.name === nameOf(header)) return before;
  const seal = openSeal(root, header);
  opened.set(root, seal);
  return seal;
}

const nameOf = (header: Pick<Header, "home">): string => `home_${header.home.replaceAll("-", "")}`;

function openSeal(root: string, header: Header): HomeSeal {
  const dataKey = unwrap(root, header);
  const keys = new Map<SealedKind, Buffer>();
  return {
    root,
    name: nameOf(header),
    key(kind) {
      const known = keys.get(kind);
      if (known) return known;
      const made = Buffer.from(hkdfSync("sha256", dataKey, header.home, `inboxloop home ${kind}`, 32));
      keys.set(kind, made);
      return made;
    },
  };
}

const wrappingKey = (key: VersionedKey): Buffer =>
  createHash("sha256").update("inboxloop home key\0").update(key.secret).digest();

/** The header is proved with the key: another home's, or another cipher, does not open. */
const proven = ({ format, home, cipher, wrapped_by }: Omit<Header, "note" | "nonce" | "tag" | "data_key">): Buffer =>
  Buffer.from(JSON.stringify([format, home, cipher, wrapped_by]));

function wrap(dataKey: Buffer, home: string, key: VersionedKey): Header {
  const head = { format: 1 as const, home, cipher: "AES-256-GCM" as const, wrapped_by: keyName(key) };
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", wrappingKey(key), nonce);
  cipher.setAAD(proven(head));
  const body = Buffer.concat([cipher.update(dataKey), cipher.final()]);
  return {
    note: `This home is encrypted under ${homeKeySetting}. Without this file, or without that key, nothing in it can be read again.`,
    ...head,
    nonce: nonce.toString("base64"),
    tag: cipher.getAuthTag().toString("base64"),
    data_key: body.toString("base64"),
  };
}

function unwrap(root: string, header: Header): Buffer {
  const where = headerPath(root);
  const given = homeKeys();
  const isUnder = `the home is encrypted under the key ${header.wrapped_by}, and`;
  if (given === undefined) {
    throw new UserError(`${isUnder} neither ${homeKeySetting} nor ${homeKeyCommandSetting} is set`, {
      code: "home.no-key",
      exit: "config",
      where,
      next: `set ${homeKeySetting} to the key ${header.wrapped_by}, or ${homeKeyCommandSetting} to a command that writes it`,
    });
  }
  const key = given.keys.find((one) => keyName(one) === header.wrapped_by);
  if (key === undefined) {
    const held = given.keys.map(keyName).join(", ");
    throw new UserError(`${isUnder} ${given.from} ${given.from === homeKeySetting ? "holds" : "gives"} ${held}`, {
      code: "home.wrong-key",
      exit: "config",
      where,
      next:
        given.from === homeKeySetting
          ? `set ${homeKeySetting} to the key ${header.wrapped_by}`
          : `have the command of ${given.from} write the key ${header.wrapped_by}`,
    });
  }
  try {
    const cipher = createDecipheriv("aes-256-gcm", wrappingKey(key), Buffer.from(header.nonce, "base64"));
    cipher.setAAD(proven(header));
    cipher.setAuthTag(Buffer.from(header.tag, "base64"));
    return Buffer.concat([cipher.update(Buffer.from(header.data_key, "base64")), cipher.final()]);
  } catch (cause) {
    throw damagedHeader(where, cause);
  }
}

function readHeader(root: string): Header {
  const where = headerPath(root);
  try {
    return headerShape.parse(JSON.parse(readFileSync(where, "utf8")));
  } catch (cause) {
    throw damagedHeader(where, cause);
  }
}

const damagedHeader = (where: string, cause: unknown): UserError =>
  new UserError("the home's wrapped key is not what was written", {
    code: "home.damaged-key",
    exit: "config",
    where,
    next: `bring ${headerFile} back from a backup: without it nothing in the home can be read`,
    cause,
  });

/** What is known of a home's encryption without its key. */
export interface SealedState {
  readonly root: string;
  /** The name of the wrapping key; null where the home is in clear. */
  readonly wrapped_by: string | null;
}

export function sealedState(root: string): SealedState {
  return { root, wrapped_by: existsSync(headerPath(root)) ? readHeader(root).wrapped_by : null };
}

/** Makes a home that will hold nothing in clear. Its folder must be empty, or not there: what was written before stays as it was. */
export async function makeSealedHome(root: string): Promise<SealedState> {
  const where = headerPath(root);
  if (existsSync(where)) {
    throw new UserError("the home is encrypted already", {
      code: "home.sealed-already",
      exit: "usage",
      where,
      next: "inboxloop keys home rotate   (for another wrapping key)",
    });
  }
  const there = existsSync(root) ? readdirSync(root) : [];
  if (there.length > 0) {
    throw new UserError(`the home is not empty (${there.slice(0, 3).join(", ")}): what is in it would stay in clear`, {
      code: "home.not-empty",
      exit: "usage",
      where: root,
      next: "inboxloop keys home seal   (encrypts the home that is there)",
    });
  }
  const key = activeKey();
  const header = wrap(randomBytes(32), randomUUID(), key);
  await writeAsIs(where, `${JSON.stringify(header, null, 2)}\n`, 0o600);
  return { root, wrapped_by: header.wrapped_by };
}

/** Wraps the data key under the first key that is given; the former one must be given too. Nothing else is written again. */
export async function rotateHomeKey(root: string): Promise<SealedState & { readonly before: string }> {
  const where = headerPath(root);
  if (!existsSync(where)) {
    throw new UserError("the home is not encrypted", {
      code: "home.in-clear",
      exit: "usage",
      where: root,
      next: "inboxloop keys home seal",
    });
  }
  const header = readHeader(root);
  const dataKey = unwrap(root, header);
  const next = wrap(dataKey, header.home, activeKey());
  await writeAsIs(where, `${JSON.stringify(next, null, 2)}\n`, 0o600);
  return { root, wrapped_by: next.wrapped_by, before: header.wrapped_by };
}

function activeKey(): VersionedKey {
  const given = homeKeys();
  if (given) return given.keys[0];
  throw new UserError(`neither ${homeKeySetting} nor ${homeKeyCommandSetting} is set`, {
    code: "home.no-key",
    exit: "config",
    next: makeHomeKey,
  });
}

/** Throws in production for a home in clear, before anything is written to it. */
export function refuseClearHome(root: string, settings: Variables): void {
  if (settings["INBOXLOOP_ENV"] !== "production" || sealedRootOf(root) !== undefined) return;
  throw new UserError("the home is not encrypted, and production writes none in clear", {
    code: "home.in-clear",
    exit: "config",
    where: root,
    next: `${makeHomeKey} inboxloop keys home seal   (a new one: keys home make)`,
  });
}

/** Throws for a file that people read by themselves, where it would lie in an encrypted home. */
export function refuseClearFile(path: string, what: string, next: string): void {
  if (sealedRootOf(path) === undefined) return;
  throw new UserError(`${what} would lie in clear in an encrypted home`, {
    code: "home.clear-file",
    exit: "usage",
    where: path,
    next,
  });
}

const magic = Buffer.from("IBXSEAL1");
const nonceBytes = 12;
const tagBytes = 16;

/** A whole file, or a line: `IBXSEAL1`, 12 bytes of nonce, 16 of tag, then AES-256-GCM. */
export const sealBytes = (content: string | Uint8Array, seal: HomeSeal): Buffer =>
  sealUnder(content, seal.key("files"), "");

/** The same under a key of its own, tied to what it is about: it opens with the same words only. */
export function sealUnder(content: string | Uint8Array, key: Buffer, about: string): Buffer {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  cipher.setAAD(Buffer.concat([magic, Buffer.from(about)]));
  const body = Buffer.concat([cipher.update(content), cipher.final()]);
  return Buffer.concat([magic, nonce, cipher.getAuthTag(), body]);
}

/** What a file at that path holds, by its bytes: themselves where its home is in clear, else only what was sealed. */
export function openBytes(bytes: Buffer, path: string): Buffer {
  const seal = sealOf(path);
  if (seal === undefined) return bytes;
  const found = unsealed(bytes, seal);
  if (found === undefined) throw damagedFile(path);
  return found;
}

/** What `sealBytes` sealed; undefined for anything else. */
export const unsealed = (bytes: Buffer, seal: HomeSeal): Buffer | undefined =>
  unsealedUnder(bytes, seal.key("files"), "");

/** What `sealUnder` sealed with the same key, about the same; undefined for anything else. */
export function unsealedUnder(bytes: Buffer, key: Buffer, about: string): Buffer | undefined {
  const head = magic.length + nonceBytes + tagBytes;
  if (bytes.length < head || !bytes.subarray(0, magic.length).equals(magic)) return undefined;
  try {
    const nonce = bytes.subarray(magic.length, magic.length + nonceBytes);
    const cipher = createDecipheriv("aes-256-gcm", key, nonce);
    cipher.setAAD(Buffer.concat([magic, Buffer.from(about)]));
    cipher.setAuthTag(bytes.subarray(magic.length + nonceBytes, head));
    return Buffer.concat([cipher.update(bytes.subarray(head)), cipher.final()]);
  } catch {
    return undefined;
  }
}

export const damagedFile = (where: string): UserError =>
  new UserError("a file of an encrypted home is not what was written there", {
    code: "home.damaged-file",
    exit: "check",
    where,
    next: "bring the file back from a backup, or remove it and make it anew",
  });
