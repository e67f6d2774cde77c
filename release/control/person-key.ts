import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from "node:crypto";
import { UserError } from "../../errors/user-error.ts";
import { armour, unarmour, WireReader, wireNumber, wireString } from "./ssh-wire.ts";

const keyType = "ssh-ed25519";
/** DER before the 32 bytes of an Ed25519 key: RFC 8410. */
const publicPrefix = Buffer.from("302a300506032b6570032100", "hex");
const privatePrefix = Buffer.from("302e020100300506032b657004220420", "hex");

/** A person's key: signs what they decide. */
export interface PersonKey {
  readonly privateKey: KeyObject;
  readonly publicKey: PublicKey;
}

/** The public half, in SSH's form. */
export interface PublicKey {
  /** The blob that `ssh-ed25519 AAAA...` holds. */
  readonly blob: Buffer;
  readonly key: KeyObject;
  /** `SHA256:` and the digest, as `ssh-keygen -l` prints it. */
  readonly fingerprint: string;
}

const rawOf = (publicKey: KeyObject): Buffer =>
  Buffer.from((publicKey.export({ format: "der", type: "spki" }) as Buffer).subarray(publicPrefix.length));

/** From SSH's blob; anything but Ed25519 is a UserError. */
export function publicKeyOf(blob: Buffer): PublicKey {
  const reader = new WireReader(blob, "a public key");
  const type = reader.string().toString();
  const raw = type === keyType ? reader.string() : Buffer.alloc(0);
  if (raw.length !== 32 || !reader.isEmpty) {
    throw new UserError(`a person's key is Ed25519, not ${type}`, {
      code: "people.key-type",
      exit: "config",
      next: "ssh-keygen -t ed25519, or: inboxloop keys person <name>",
    });
  }
  const key = createPublicKey({ key: Buffer.concat([publicPrefix, raw]), format: "der", type: "spki" });
  const digest = createHash("sha256").update(blob).digest("base64").replace(/=+$/, "");
  return { blob, key, fingerprint: `SHA256:${digest}` };
}

const publicKeyFrom = (privateKey: KeyObject): PublicKey =>
  publicKeyOf(Buffer.concat([wireString(keyType), wireString(rawOf(createPublicKey(privateKey)))]));

/** `ssh-ed25519 AAAA... comment`, as it stands in a `.pub` file. */
export const publicLine = ({ blob }: PublicKey, comment: string): string =>
  `${keyType} ${blob.toString("base64")} ${comment}`;

/** A new key, its private half in OpenSSH's own format, readable by ssh-keygen and ssh-agent. */
export function newPersonKey(comment: string): PersonKey & { readonly privateText: string } {
  const { privateKey } = generateKeyPairSync("ed25519");
  const publicKey = publicKeyFrom(privateKey);
  const raw = rawOf(publicKey.key);
  const seed = (privateKey.export({ format: "der", type: "pkcs8" }) as Buffer).subarray(privatePrefix.length);
  const check = randomBytes(4);
  const secret = Buffer.concat([
    check,
    check,
    wireString(keyType),
    wireString(raw),
    wireString(Buffer.concat([seed, raw])),
    wireString(comment),
  ]);
  const padding = Buffer.from(Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, i) => i + 1));
  const body = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    wireString("none"),
    wireString("none"),
    wireString(""),
    wireNumber(1),
    wireString(publicKey.blob),
    wireString(Buffer.concat([secret, padding])),
  ]);
  return { privateKey, publicKey, privateText: armour(body, "OPENSSH PRIVATE KEY") };
}

/** Reads a private key: OpenSSH's format without a passphrase, or PKCS#8 PEM. */
export function readPersonKey(text: string, where: string): PersonKey {
  const refuse = (message: string): UserError =>
    new UserError(message, { code: "people.key", exit: "config", where, next: "inboxloop keys person <name>" });
  const openssh = unarmour(text, "OPENSSH PRIVATE KEY");
  let privateKey: KeyObject;
  if (openssh) {
    const reader = new WireReader(openssh, where);
    if (reader.bytes(15).toString("latin1") !== "openssh-key-v1\0") throw refuse("not a private key of OpenSSH");
    const cipher = reader.string().toString();
    if (cipher !== "none") throw refuse("the key has a passphrase; sign with --signature instead, or use one without");
    reader.string();
    reader.string();
    reader.number();
    reader.string();
    const secret = new WireReader(reader.string(), where);
    secret.bytes(8);
    if (secret.string().toString() !== keyType) throw refuse("a person's key is Ed25519");
    secret.string();
    const seed = secret.string().subarray(0, 32);
    privateKey = createPrivateKey({ key: Buffer.concat([privatePrefix, seed]), format: "der", type: "pkcs8" });
  } else {
    try {
      privateKey = createPrivateKey(text);
    } catch {
      throw refuse("not a private key: neither OpenSSH's nor PKCS#8");
    }
  }
  if (privateKey.asymmetricKeyType !== "ed25519") throw refuse("a person's key is Ed25519");
  return { privateKey, publicKey: publicKeyFrom(privateKey) };
}
