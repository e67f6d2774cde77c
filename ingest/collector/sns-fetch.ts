import { type CertificateTrust, isIssuerUrl, trustedRoots } from "../sources/certificate-chain.ts";
import { isSnsUrl } from "../sources/sns.ts";

/** Fetches a text; only ever called for hosts that passed the check. */
export type FetchText = (
  url: string,
  limits: { readonly maxBytes: number; readonly timeoutMs: number },
) => Promise<string>;

/** Over https, without following redirects: the host that was checked is the host that answers. */
export const fetchText: FetchText = async (url, limits) => Buffer.from(await fetchBytes(url, limits)).toString("utf8");

export type FetchBytes = (...asked: Parameters<FetchText>) => Promise<Uint8Array>;

export const fetchBytes: FetchBytes = async (url, { maxBytes, timeoutMs }) => {
  const answer = await fetch(url, { redirect: "error", signal: AbortSignal.timeout(timeoutMs) });
  if (!answer.ok || !answer.body) throw new Error(`the host answered ${answer.status}`);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Error("the answer is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
};

const limits = { maxBytes: 64 << 10, timeoutMs: 5000 };

/**
 * Fetches each address once, and keeps the answers asked for last; a failure is not kept, and calls that want the same at once wait for one fetch. No more
 * than `maxUnderWay` are fetched at a time.
 */
function fetchedOnce<T>(
  fetchOne: (url: string) => Promise<T>,
  maxKept: number,
  maxUnderWay = Number.POSITIVE_INFINITY,
): (url: string) => Promise<T> {
  const kept = new Map<string, Promise<T>>();
  let underWay = 0;
  return (url) => {
    const known = kept.get(url);
    if (known) return known;
    if (underWay >= maxUnderWay) return Promise.reject(new Error("too many certificates are asked for at once"));
    underWay += 1;
    const fetched = fetchOne(url).finally(() => {
      underWay -= 1;
    });
    kept.set(url, fetched);
    fetched.catch(() => kept.delete(url));
    if (kept.size > maxKept) kept.delete(kept.keys().next().value!);
    return fetched;
  };
}

/** Signing certificates of Amazon SNS, by URL. Only Amazon's own hosts are asked, whoever names ever other certificates; Amazon uses one a region. */
export function certificateCache(fetchOne: FetchText, maxKept = 32, maxUnderWay = 4): (url: string) => Promise<string> {
  const once = fetchedOnce((url) => fetchOne(url, limits), maxKept, maxUnderWay);
  return (url) =>
    isSnsUrl(url, "certificate") ? once(url) : Promise.reject(new Error("the certificate is not from Amazon SNS"));
}

/** Trust in who issued a signing certificate. `more` are authorities of one's own (PEM). */
export function issuerTrust(fetchOne: FetchBytes, more?: string, maxKept = 32): CertificateTrust {
  const once = fetchedOnce((url) => fetchOne(url, limits), maxKept);
  return {
    roots: trustedRoots(more),
    fetchIssuer: (url) => (isIssuerUrl(url) ? once(url) : Promise.reject(new Error("that is no place of an issuer"))),
  };
}

/** Confirms a subscription whose message was found authentic and whose topic is allowed. */
export async function confirmSubscription(url: string, fetchOne: FetchText): Promise<boolean> {
  if (!isSnsUrl(url, "confirmation")) return false;
  try {
    await fetchOne(url, limits);
    return true;
  } catch {
    return false;
  }
}
