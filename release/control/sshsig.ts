import { createHash, sign, verify } from "node:crypto";
import { type PersonKey, type PublicKey, publicKeyOf } from "./person-key.ts";
import { armour, unarmour, WireReader, wireNumber, wireString } from "./ssh-wire.ts";

/** What signatures of decisions are for; a signature made for something else (a git commit) is none. */
export const namespace = "inboxloop";

const magic = Buffer.from("SSHSIG");

const signedData = (message: string, hash: "sha256" | "sha512"): Buffer =>
  Buffer.concat([
    magic,
    wireString(namespace),
    wireString(""),
    wireString(hash),
    wireString(createHash(hash).update(message).digest()),
  ]);

/** Signs a text as `ssh-keygen -Y sign -n inboxloop` does (OpenSSH's PROTOCOL.sshsig). */
export function signText(message: string, { privateKey, publicKey }: PersonKey): string {
  const signature = sign(null, signedData(message, "sha512"), privateKey);
  return armour(
    Buffer.concat([
      magic,
      wireNumber(1),
      wireString(publicKey.blob),
      wireString(namespace),
      wireString(""),
      wireString("sha512"),
      wireString(Buffer.concat([wireString("ssh-ed25519"), wireString(signature)])),
    ]),
    "SSH SIGNATURE",
  );
}

/** The key that signed the text, in our namespace; null when it is no such signature, or of another text. */
export function signerOf(message: string, armoured: string): PublicKey | null {
  const body = unarmour(armoured, "SSH SIGNATURE");
  if (!body) return null;
  try {
    const reader = new WireReader(body, "a signature");
    if (!reader.bytes(6).equals(magic) || reader.number() !== 1) return null;
    const publicKey = publicKeyOf(reader.string());
    const where = reader.string().toString();
    reader.string();
    const hash = reader.string().toString();
    const inner = new WireReader(reader.string(), "a signature");
    if (where !== namespace || (hash !== "sha512" && hash !== "sha256") || !reader.isEmpty) return null;
    if (inner.string().toString() !== "ssh-ed25519") return null;
    return verify(null, signedData(message, hash), publicKey.key, inner.string()) ? publicKey : null;
  } catch {
    return null;
  }
}
