import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseAllowedSigners } from "../../release/control/allowed-signers.ts";
import { isSignedBy, type People, personWith } from "../../release/control/people.ts";
import { newPersonKey, publicLine, readPersonKey } from "../../release/control/person-key.ts";
import { firstRights, mayApprove, mayChange, mayPause, parseRights } from "../../release/control/rights.ts";
import { signerOf, signText } from "../../release/control/sshsig.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "inboxloop-people-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = new Date("2026-03-01T00:00:00Z");
const people = (signers: string): People => ({
  rights: firstRights({ ada: ["modeller"], ben: ["approver"] }),
  signers: parseAllowedSigners(signers, "allowed_signers"),
  folder,
});
const hasSshKeygen = (() => {
  try {
    execFileSync("ssh-keygen", ["-?"], { stdio: "ignore" });
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ENOENT";
  }
})();

describe("signatures", () => {
  test("when a text is signed, then its key is found, and any other text is not signed", () => {
    const key = newPersonKey("ada");
    const signature = signText("promote m2", key);
    expect(signerOf("promote m2", signature)?.fingerprint).toBe(key.publicKey.fingerprint);
    expect(signerOf("promote m3", signature)).toBeNull();
    expect(signerOf("promote m2", signature.replace("U1NIU0lH", "U1NIU0lI"))).toBeNull();
    expect(signerOf("promote m2", "no signature")).toBeNull();
  });

  test("when a key is written and read again, then it is the same key", () => {
    const made = newPersonKey("ada");
    expect(readPersonKey(made.privateText, "key").publicKey.fingerprint).toBe(made.publicKey.fingerprint);
    expect(() => readPersonKey("nonsense", "key")).toThrow(/not a private key/);
  });

  test.runIf(hasSshKeygen)("when OpenSSH signs or verifies, then it agrees with us both ways", () => {
    const made = newPersonKey("ada@example.com");
    const path = (name: string) => join(folder, name);
    writeFileSync(path("key"), made.privateText, { mode: 0o600 });
    writeFileSync(path("text"), "promote m2");
    writeFileSync(path("signers"), `ada@example.com ${publicLine(made.publicKey, "ada")}\n`);
    writeFileSync(path("ours.sig"), signText("promote m2", made));
    const verify = ["-Y", "verify", "-f", path("signers"), "-I", "ada@example.com", "-n", "inboxloop", "-s"];
    execFileSync("ssh-keygen", [...verify, path("ours.sig")], {
      input: "promote m2",
      stdio: ["pipe", "ignore", "pipe"],
    });
    const theirs = execFileSync("ssh-keygen", ["-Y", "sign", "-f", path("key"), "-n", "inboxloop"], {
      input: "promote m2",
      stdio: ["pipe", "pipe", "ignore"],
    }).toString();
    expect(signerOf("promote m2", theirs)?.fingerprint).toBe(made.publicKey.fingerprint);
    const forGit = execFileSync("ssh-keygen", ["-Y", "sign", "-f", path("key"), "-n", "git"], {
      input: "promote m2",
      stdio: ["pipe", "pipe", "ignore"],
    }).toString();
    expect(signerOf("promote m2", forGit)).toBeNull();
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", path("other")]);
    expect(readPersonKey(execFileSync("cat", [path("other")]).toString(), "other").publicKey.fingerprint).toMatch(
      /^SHA256:/,
    );
  });
});

describe("people", () => {
  test("when a key is two people's, however the names are written, then the file is refused", () => {
    const line = publicLine(newPersonKey("x").publicKey, "x");
    expect(() => parseAllowedSigners(`ada ${line}\nmallory ${line}\n`, "f")).toThrow(/one key cannot be two people/);
    expect(parseAllowedSigners(`ada ${line}\nAda valid-before="20260101" ${line}\n`, "f")).toHaveLength(2);
  });

  test("when a key is unknown or out of its time, then it is nobody's", () => {
    const key = newPersonKey("ada");
    const line = publicLine(key.publicKey, "ada");
    expect(personWith(people(`ada ${line}`), key, at).name).toBe("ada");
    expect(() => personWith(people(`ada valid-before="20260101" ${line}`), key, at)).toThrow(/no person has the key/);
    expect(() => personWith(people(`ada valid-after="20270101" ${line}`), key, at)).toThrow(/no person has the key/);
    expect(() => personWith(people(""), key, at)).toThrow(/no person has the key/);
  });

  test("when somebody else's signature stands under a name, then it is not theirs", () => {
    const [ada, ben] = [newPersonKey("ada"), newPersonKey("ben")];
    const known = people(`ada ${publicLine(ada.publicKey, "")}\nben ${publicLine(ben.publicKey, "")}`);
    expect(isSignedBy(known, "ada", "text", signText("text", ada), at)).toBe(true);
    expect(isSignedBy(known, "ada", "text", signText("text", ben), at)).toBe(false);
  });

  test("when a principal is a pattern or a key is no Ed25519, then the line is named", () => {
    const line = publicLine(newPersonKey("x").publicKey, "x");
    expect(() => parseAllowedSigners(`*@example.com ${line}`, "f")).toThrow(/pattern/);
    expect(() => parseAllowedSigners("ada ssh-rsa AAAA", "f")).toThrow(/Ed25519/);
  });
});

describe("rights", () => {
  const rights = firstRights({ ada: ["modeller"], ben: ["approver"], cy: ["on-call"] });

  test("when somebody has not the role, then the refusal names who has", () => {
    expect(() => mayChange(rights, "ada", "model")).not.toThrow();
    expect(() => mayChange(rights, "ben", "model")).toThrow(/modeller/);
    expect(() => mayApprove(rights, "ada", "model")).toThrow(/approver/);
    expect(() => mayPause(rights, "cy")).not.toThrow();
    expect(() => mayPause(rights, "ada")).toThrow(/on-call or approver/);
  });

  test("when the file names a person twice, then it is refused", () => {
    const text = JSON.stringify({ ...rights, people: { ada: ["modeller"], "Ada ": ["approver"] } });
    expect(() => parseRights(text, "rights.yaml")).toThrow(/ada is there twice/);
    expect(parseRights(JSON.stringify(rights), "rights.yaml")).toEqual(rights);
  });
});
