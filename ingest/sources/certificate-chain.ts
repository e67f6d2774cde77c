import { X509Certificate } from "node:crypto";
import { rootCertificates } from "node:tls";
import { bareUrl } from "./bare-url.ts";

/** Whom to believe that issues certificates. */
export interface CertificateTrust {
  /** Authorities that need no issuer. */
  readonly roots: readonly X509Certificate[];
  /** Fetches an issuer's certificate from where a certificate says that it lies; only ever called for an address of `isIssuerUrl`. */
  readonly fetchIssuer: (url: string) => Promise<Uint8Array>;
}

/** More certificates stand between no certificate and its root. */
const maxDepth = 4;

/** The authorities that Node trusts for TLS, and those of one's own. */
export const trustedRoots = (more: string = ""): readonly X509Certificate[] => [
  ...rootCertificates.map((pem) => new X509Certificate(pem)),
  ...certificatesIn(more),
];

/** The certificates of a PEM file, in its order. */
export const certificatesIn = (pem: string): readonly X509Certificate[] =>
  (pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []).map(
    (one) => new X509Certificate(one),
  );

/**
 * Where the authorities that issue Amazon's certificates keep their own, and nowhere else. Over http, as they all do: what comes is believed for its signature,
 * which leads to a root, and not for the road on which it came.
 */
export function isIssuerUrl(text: string): boolean {
  const url = bareUrl(text);
  return (
    url !== undefined &&
    (url.protocol === "http:" || url.protocol === "https:") &&
    url.search === "" &&
    /^(?:[a-z0-9-]+\.)+(?:amazontrust\.com|ss2\.us|digicert\.(?:com|cn))$/.test(url.hostname) &&
    /^\/[\w./-]+\.(?:cer|crt|der)$/.test(url.pathname)
  );
}

/**
 * What is wrong with the way from a certificate to a trusted root, as of `at` (milliseconds since the epoch); undefined where each is issued by the next. The
 * certificates beside it are tried first, then what it says of its issuer: Amazon's file of SNS holds the signing certificate alone.
 */
export async function chainTrouble(
  certificate: X509Certificate,
  beside: readonly X509Certificate[],
  at: number,
  { roots, fetchIssuer }: CertificateTrust,
): Promise<string | undefined> {
  let current = certificate;
  for (let depth = 0; depth < maxDepth; depth++) {
    if (!isValidAt(current, at)) return "a certificate on the way to its root was not valid at the signed time";
    if (roots.some((root) => isIssuedBy(current, root) && isValidAt(root, at))) return undefined;
    let issuer = beside.find((one) => isIssuedBy(current, one));
    if (issuer === undefined) {
      const [url] = issuerUrls(current);
      if (url === undefined) return "nobody who is trusted issued the certificate";
      try {
        issuer = new X509Certificate(await fetchIssuer(url));
      } catch {
        return `the issuer of the certificate cannot be fetched from ${new URL(url).host}`;
      }
      if (!isIssuedBy(current, issuer)) return "nobody who is trusted issued the certificate";
    }
    current = issuer;
  }
  return "nobody who is trusted issued the certificate";
}

/** An authority's signature, by its name and its key. */
const isIssuedBy = (certificate: X509Certificate, issuer: X509Certificate): boolean =>
  issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);

const isValidAt = ({ validFrom, validTo }: X509Certificate, at: number): boolean =>
  at >= Date.parse(validFrom) && at <= Date.parse(validTo);

/** Where a certificate says that its issuer's lies (RFC 5280 4.2.2.1). */
const issuerUrls = ({ infoAccess = "" }: X509Certificate): readonly string[] =>
  [...infoAccess.matchAll(/^CA Issuers - URI:(\S+)$/gm)].map(([, url]) => url!).filter(isIssuerUrl);
