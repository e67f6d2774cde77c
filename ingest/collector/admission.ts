import { BlockList, isIPv4, isIPv6 } from "node:net";
import type { FastifyReply, FastifyRequest } from "fastify";
import { RateLimit } from "../../platform/rate-limit.ts";

export interface AdmissionLimits {
  /** Of a body as it arrives. */
  readonly bodyBytes: number;
  /** Open connections; more wait until one ends. */
  readonly connections: number;
  /** Of all bodies that are being read or answered at a time; a call that would go beyond is told to come again. */
  readonly bytesInFlight: number;
  /** Calls without a valid key or signature that one address may make, on average and at once. */
  readonly strangersPerSecond: number;
  readonly strangersBurst: number;
}

/** Networks in which an address is a proxy's of our own, and says nothing of who calls through it. */
const ownNetworks = new BlockList();
for (const [network, bits] of [
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
] as const)
  ownNetworks.addSubnet(network, bits, "ipv4");
for (const [network, bits] of [
  ["::1", 128],
  ["fc00::", 7],
  ["fe80::", 10],
] as const)
  ownNetworks.addSubnet(network, bits, "ipv6");

/**
 * Addresses that called without a valid key or signature: whoever does so too often is answered 429 before anything of the call is read. Kept in
 * memory alone, at most `kept` of them. A proxy's address of a private network is nobody's: a stranger behind it must not shut out the others
 * (`--trust-proxy` names it, and the callers are then told apart).
 */
export class Strangers {
  readonly #rate: RateLimit;

  constructor(limits: Pick<AdmissionLimits, "strangersPerSecond" | "strangersBurst">, kept = 10_000) {
    this.#rate = new RateLimit({ perSecond: limits.strangersPerSecond, burst: limits.strangersBurst, kept });
  }

  /** Notes a call that was not authentic. */
  met(address: string, now: number): void {
    const network = networkOf(address);
    if (network !== undefined) this.#rate.admit(network, now);
  }

  /** Whether an address has called so too often. */
  isTooMany(address: string, now: number): boolean {
    const network = networkOf(address);
    return network !== undefined && !this.#rate.wouldAdmit(network, now);
  }
}

/** An IPv4 address, or the /64 of an IPv6 one, which one household has to itself; undefined for a private one. */
function networkOf(address: string): string | undefined {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
  if (isIPv4(plain)) return ownNetworks.check(plain, "ipv4") ? undefined : plain;
  if (!isIPv6(plain) || ownNetworks.check(plain, "ipv6")) return undefined;
  const [head = "", tail] = plain.split("%")[0]!.split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const groups = tail === undefined ? first : [...first, ...Array(8 - first.length - last.length).fill("0"), ...last];
  return groups.slice(0, 4).join(":").toLowerCase();
}

/** Bodies that are being read or answered. */
export class BytesInFlight {
  readonly #limits: Pick<AdmissionLimits, "bodyBytes" | "bytesInFlight">;
  #bytes = 0;

  constructor(limits: Pick<AdmissionLimits, "bodyBytes" | "bytesInFlight">) {
    this.#limits = limits;
  }

  /** Takes a call's body in, until it is answered or its connection ends; false where there is no room. One whose length is not said may be as large as any. */
  admit(request: FastifyRequest, reply: FastifyReply): boolean {
    const said = Number(request.headers["content-length"]);
    const bytes = Number.isFinite(said)
      ? Math.min(said, this.#limits.bodyBytes)
      : request.headers["transfer-encoding"] === undefined
        ? 0
        : this.#limits.bodyBytes;
    if (bytes > 0 && this.#bytes > 0 && this.#bytes + bytes > this.#limits.bytesInFlight) return false;
    this.#bytes += bytes;
    reply.raw.once("close", () => {
      this.#bytes -= bytes;
    });
    return true;
  }
}
