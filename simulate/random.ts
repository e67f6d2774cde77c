import { log } from "./arithmetic.ts";

/**
 * A seeded stream of random numbers: sfc32, Chris Doty-Humphrey's "small fast counting" generator (PractRand 0.93, public
 * domain). Streams made from different keys are independent, so one consumer's draws never shift another's.
 */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;
  private spare = Number.NaN;

  constructor(...key: readonly (number | string)[]) {
    [this.a, this.b, this.c] = digestKey(key);
    for (let n = 0; n < 12; n++) this.next();
  }

  /** 32 random bits, unsigned. */
  next(): number {
    const t = (((this.a + this.b) | 0) + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + t) | 0;
    return t >>> 0;
  }

  /** Uniform in [0, 1), in steps of 2^-32. */
  uniform(): number {
    return this.next() / 4294967296;
  }

  chance(probability: number): boolean {
    return this.uniform() < probability;
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /** A whole number in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.uniform() * bound);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  /** An index, by weights that need not sum to one. */
  weighted(weights: readonly number[]): number {
    let left = this.uniform() * weights.reduce((sum, weight) => sum + weight, 0);
    for (let i = 0; i < weights.length; i++) {
      left -= weights[i] as number;
      if (left < 0) return i;
    }
    return weights.length - 1;
  }

  /** Standard normal, by Marsaglia's polar method. */
  normal(): number {
    if (!Number.isNaN(this.spare)) {
      const value = this.spare;
      this.spare = Number.NaN;
      return value;
    }
    for (;;) {
      const x = 2 * this.uniform() - 1;
      const y = 2 * this.uniform() - 1;
      const s = x * x + y * y;
      if (s >= 1 || s === 0) continue;
      const scale = Math.sqrt((-2 * log(s)) / s);
      this.spare = y * scale;
      return x * scale;
    }
  }

  exponential(mean: number): number {
    return -mean * log(1 - this.uniform());
  }
}

/** Murmur3's finaliser: a bijection of the 32-bit numbers, so distinct inputs stay distinct. */
export function mix32(x: number): number {
  let h = x | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function digestKey(key: readonly (number | string)[]): [number, number, number] {
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  let c = 0xb7e15162;
  const absorb = (value: number) => {
    a = mix32(a ^ value);
    b = mix32(b + a);
    c = mix32(c ^ b);
  };
  for (const part of key) {
    if (typeof part === "number") {
      absorb(part | 0);
      absorb(Math.floor(part / 4294967296));
    } else {
      for (let i = 0; i < part.length; i++) absorb(part.charCodeAt(i));
      absorb(-part.length);
    }
  }
  return [a, b, c];
}
