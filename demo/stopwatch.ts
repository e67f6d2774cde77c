/** Seconds by step, in the order in which the steps were first taken; a step taken twice counts together, and steps may overlap. */
export class Stopwatch {
  readonly #now: () => number;
  readonly #started: number;
  readonly #seconds = new Map<string, number>();

  constructor(now: () => number) {
    this.#now = now;
    this.#started = now();
  }

  async time<T>(step: string, work: () => Promise<T>): Promise<T> {
    const began = this.#now();
    try {
      return await work();
    } finally {
      this.#seconds.set(step, (this.#seconds.get(step) ?? 0) + (this.#now() - began) / 1000);
    }
  }

  /** Seconds since the watch was made. */
  total(): number {
    return Math.round((this.#now() - this.#started) / 100) / 10;
  }

  read(): Record<string, number> {
    return Object.fromEntries([...this.#seconds].map(([step, seconds]) => [step, Math.round(seconds * 10) / 10]));
  }
}
