/** Gives turns at a rate, and holds them back when the receiver asks for it. Times are milliseconds. */
export class Pacer {
  readonly #every: number;
  readonly #now: () => number;
  readonly #sleep: (ms: number) => Promise<void>;
  #next = 0;

  constructor(perSecond: number, now: () => number, sleep: (ms: number) => Promise<void>) {
    this.#every = 1000 / perSecond;
    this.#now = now;
    this.#sleep = sleep;
  }

  /** Resolves when it is one's turn. */
  async turn(): Promise<void> {
    const now = this.#now();
    const at = Math.max(now, this.#next);
    this.#next = at + this.#every;
    if (at > now) await this.#sleep(at - now);
  }

  /** Nobody gets a turn before so many milliseconds. */
  hold(ms: number): void {
    this.#next = Math.max(this.#next, this.#now() + ms);
  }
}
