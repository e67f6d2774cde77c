/** A token bucket per name: `perSecond` calls on average, `burst` at once. */
export class RateLimit {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  constructor(options: { readonly perSecond: number; readonly burst: number }) {
    this.#perSecond = options.perSecond;
    this.#burst = options.burst;
  }

  /** Whether one more call of this name is within its limit at `now` (milliseconds). Names are few: configured sources. */
  admit(name: string, now: number): boolean {
    const bucket = this.#buckets.get(name) ?? { tokens: this.#burst, at: now };
    const tokens = Math.min(this.#burst, bucket.tokens + (Math.max(0, now - bucket.at) / 1000) * this.#perSecond);
    const isWithin = tokens >= 1;
    this.#buckets.set(name, { tokens: isWithin ? tokens - 1 : tokens, at: now });
    return isWithin;
  }
}
