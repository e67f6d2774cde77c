import { createHash, randomFillSync } from "node:crypto";

/** Where random bytes come from. What hands them out never hands out a byte twice. */
export interface Randomness {
  bytes(count: number): Uint8Array;
}

class Pool implements Randomness {
  private readonly pool: Uint8Array;
  private at: number;

  constructor(
    size: number,
    private readonly refill: (pool: Uint8Array) => void,
  ) {
    this.pool = new Uint8Array(size);
    this.at = size;
  }

  bytes(count: number): Uint8Array {
    if (count > this.pool.length) throw new RangeError(`${count} random bytes at once`);
    if (this.at + count > this.pool.length) {
      this.refill(this.pool);
      this.at = 0;
    }
    const taken = this.pool.slice(this.at, this.at + count);
    this.pool.fill(0, this.at, this.at + count);
    this.at += count;
    return taken;
  }
}

/** The operating system's cryptographic generator, read in blocks: one call for each draw would cost most of the time. */
const cryptographic: Randomness = new Pool(65_536, (pool) => randomFillSync(pool));

/** SHA-256 over a counter: the same bytes for the same seed. For tests. */
export function seeded(seed: string): Randomness {
  let counter = 0;
  return new Pool(8192, (pool) => {
    for (let at = 0; at < pool.length; at += 32)
      pool.set(createHash("sha256").update(`${seed}/${counter++}`).digest(), at);
  });
}

let source = cryptographic;

/** What noise is drawn from. */
export const randomness = (): Randomness => source;

/**
 * The tests' seam, which no setting, option or statement reaches: draws from `other` until the function returned is called.
 * Noise from a generator that somebody can run again is no noise to them.
 */
export function drawFromForTest(other: Randomness): () => void {
  source = other;
  return () => {
    source = cryptographic;
  };
}

const [small, byte] = [1n << 32n, 8n];

/** Uniform over 0 .. limit - 1, by rejection, so that no value is likelier than another. */
export function below(random: Randomness, limit: bigint): bigint {
  if (limit < small) return BigInt(belowSmall(random, Number(limit)));
  const digits = limit.toString(16);
  const bits = digits.length * 4 - Math.clz32(Number.parseInt(digits[0]!, 16)) + 28;
  const count = (bits + 7) >> 3;
  const surplus = BigInt(count) * byte - BigInt(bits);
  for (;;) {
    const bytes = random.bytes(count);
    const value = BigInt(`0x${Buffer.from(bytes.buffer, bytes.byteOffset, count).toString("hex")}`) >> surplus;
    if (value < limit) return value;
  }
}

function belowSmall(random: Randomness, limit: number): number {
  const surplus = Math.clz32(limit);
  for (;;) {
    const [a, b, c, d] = random.bytes(4);
    const value = (((a! << 24) | (b! << 16) | (c! << 8) | d!) >>> 0) >>> surplus;
    if (value < limit) return value;
  }
}
