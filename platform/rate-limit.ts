/** A token bucket per name: `perSecond` calls on average, `burst` at once. */
export class RateLimit {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #kept: number;
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  /** Of names that are not of our own making at most `kept` are remembered, those that called last. */
  constructor(options: { readonly perSecond: number; readonly burst: number; readonly kept?: number }) {
    this.#perSecond = options.perSecond;
    this.#burst = options.burst;
    this.#kept = options.kept ?? Number.POSITIVE_INFINITY;
  }

  /** Whether one more call of this name is within its limit at `now` (milliseconds); it is counted. */
  admit(name: string, now: number): boolean {
    const tokens = this.#tokens(name, now);
    const isWithin = tokens >= 1;
    this.#buckets.delete(name);
    this.#buckets.set(name, { tokens: isWithin ? tokens - 1 : tokens, at: now });
    if (this.#buckets.size > this.#kept) this.#buckets.delete(this.#buckets.keys().next().value!);
    return isWithin;
  }

  /** The same, and nothing is counted. */
  wouldAdmit(name: string, now: number): boolean {
    return this.#tokens(name, now) >= 1;
  }

  #tokens(name: string, now: number): number {
    const bucket = this.#buckets.get(name);
    if (!bucket) return this.#burst;
    return Math.min(this.#burst, bucket.tokens + (Math.max(0, now - bucket.at) / 1000) * this.#perSecond);
  }
}
