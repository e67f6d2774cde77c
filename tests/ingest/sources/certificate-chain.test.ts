// Whose certificate signed a message of SNS: a made authority, one below it, and certificates that are and are not theirs.

import { createPrivateKey, sign, X509Certificate } from "node:crypto";
import { expect, test } from "vitest";
import { issuerTrust } from "../../../ingest/collector/sns-fetch.ts";
import { certificatesIn, chainTrouble, isIssuerUrl, trustedRoots } from "../../../ingest/sources/certificate-chain.ts";
import { type SnsEnvelope, verifySns } from "../../../ingest/sources/sns.ts";
import { madeChain } from "./made-chain.ts";

const issuerUrl = "http://crt.r2m01.amazontrust.com/r2m01.cer";
const signedAt = "2030-01-01T00:00:00.000Z";
const at = Date.parse(signedAt);
const of = (pem: string) => new X509Certificate(pem);

/** Trusts the made authority; gives the one below it where it is asked for, and remembers what was asked. */
function trust(
  given: Readonly<Record<string, string>> = { [issuerUrl]: madeChain.intermediate },
  roots: readonly X509Certificate[] = [of(madeChain.root)],
) {
  const asked: string[] = [];
  const fetchIssuer = async (url: string) => {
    asked.push(url);
    const pem = given[url];
    if (pem === undefined) throw new Error("nothing there");
    return of(pem).raw;
  };
  return { roots, fetchIssuer, asked };
}

test("when a certificate leads to a trusted authority then nothing is wrong, whether its issuer lies beside it or is fetched", async () => {
  const fetched = trust();
  expect(await chainTrouble(of(madeChain.leaf), [], at, fetched)).toBeUndefined();
  expect(fetched.asked).toEqual([issuerUrl]);
  const beside = trust();
  const file = certificatesIn(`${madeChain.leaf}\n${madeChain.intermediate}`);
  expect(await chainTrouble(file[0]!, file.slice(1), at, beside)).toBeUndefined();
  expect(beside.asked).toEqual([]);
  expect(await chainTrouble(of(madeChain.intermediate), [], at, trust({}))).toBeUndefined();
});

test("when a certificate leads to nobody who is trusted, or by a way that does not hold, then it is said what is wrong", async () => {
  const untrusted = "nobody who is trusted issued the certificate";
  const trouble = (pem: string, more = trust(), beside: readonly X509Certificate[] = [], when = at) =>
    chainTrouble(of(pem), beside, when, more);
  expect(await trouble(madeChain.selfSigned)).toBe(untrusted);
  expect(await trouble(madeChain.leaf, trust(undefined, [of(madeChain.otherRoot)]))).toBe(untrusted); // the same name, another key
  expect(await trouble(madeChain.leaf, trust({ [issuerUrl]: madeChain.otherRoot }))).toBe(untrusted);
  expect(await trouble(madeChain.byNoAuthority, trust(), [of(madeChain.noAuthority), of(madeChain.intermediate)])).toBe(
    untrusted,
  );
  expect(await trouble(madeChain.leaf, trust(undefined, trustedRoots()))).toBe(untrusted);
  expect(await trouble(madeChain.leaf, trust({}))).toBe(
    "the issuer of the certificate cannot be fetched from crt.r2m01.amazontrust.com",
  );
  expect(await trouble(madeChain.leaf, trust(), [], Date.parse("2020-01-01"))).toContain(
    "not valid at the signed time",
  );
});

test("when a certificate says that its issuer lies elsewhere then nobody is asked there", async () => {
  const elsewhere = trust();
  expect(await chainTrouble(of(madeChain.issuerElsewhere), [], at, elsewhere)).toBe(
    "nobody who is trusted issued the certificate",
  );
  expect(elsewhere.asked).toEqual([]);
  for (const url of [
    "http://169.254.169.254/x.cer",
    "http://amazontrust.com.example.com/x.cer",
    "http://crt.amazontrust.com:8080/x.cer",
    "http://user@crt.amazontrust.com/x.cer",
    "http://crt.amazontrust.com/x.cer?y=1",
    "ftp://crt.amazontrust.com/x.cer",
    "file:///etc/x.cer",
    "http://crt.amazontrust.com/x",
  ])
    expect(isIssuerUrl(url), url).toBe(false);
  expect(isIssuerUrl(issuerUrl)).toBe(true);
});

const envelope = (): SnsEnvelope => {
  const message = {
    Type: "Notification" as const,
    MessageId: "m1",
    TopicArn: "arn:aws:sns:eu-west-1:1:t",
    Message: "{}",
    Timestamp: signedAt,
  };
  const lines = ["Message", "MessageId", "Timestamp", "TopicArn", "Type"] as const;
  const text = lines.map((key) => `${key}\n${message[key]}\n`).join("");
  return {
    ...message,
    SignatureVersion: "2",
    Signature: sign("RSA-SHA256", Buffer.from(text), createPrivateKey(madeChain.key)).toString("base64"),
    SigningCertURL: "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
  };
};

test("when a message of SNS is signed by a certificate of a trusted authority then it is authentic, and by any other it is not", async () => {
  const verify = (pem: string, of = trust()) =>
    verifySns(
      envelope(),
      {},
      {
        now: new Date(at),
        replayWindowSeconds: 300,
        fetchCertificate: async () => pem,
        trust: of,
      },
    );
  expect(await verify(madeChain.leaf)).toEqual({ kind: "authentic" });
  expect(await verify(`${madeChain.leaf}${madeChain.intermediate}`, trust({}))).toEqual({ kind: "authentic" });
  // The same name and the same key, and nobody of standing says so.
  expect(await verify(madeChain.selfSigned)).toEqual({
    kind: "refused",
    reason: "nobody who is trusted issued the certificate",
  });
  expect(await verify(madeChain.byNoAuthority)).toMatchObject({ kind: "refused" });
});

test("when issuers are fetched then each once, a failure anew, and authorities of one's own are trusted", async () => {
  const asked: string[] = [];
  let isUp = false;
  const own = issuerTrust(async (url) => {
    asked.push(url);
    if (!isUp) throw new Error("down");
    return of(madeChain.intermediate).raw;
  }, madeChain.root);
  const check = () => chainTrouble(of(madeChain.leaf), [], at, own);
  expect(await check()).toContain("cannot be fetched");
  isUp = true;
  expect([await check(), await check()]).toEqual([undefined, undefined]);
  expect(asked).toEqual([issuerUrl, issuerUrl]);
  await expect(own.fetchIssuer("http://169.254.169.254/x.cer")).rejects.toThrow("no place of an issuer");
  const withIssuer = issuerTrust(() => Promise.reject(new Error("no way out")), madeChain.intermediate);
  expect(await chainTrouble(of(madeChain.leaf), [], at, withIssuer)).toBeUndefined();
});
