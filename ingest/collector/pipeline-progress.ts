export interface ProgressOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** So long may messages wait without one landing. */
  readonly stallMs: number;
  /** Positions on the bus to begin with. */
  readonly published: number;
  readonly landed: number;
}

/** How far the pipeline is behind the bus, and whether it still moves. */
export class PipelineProgress {
  readonly #now: () => number;
  readonly #stallMs: number;
  #published: number;
  #landed: number;
  /** When something landed last, or began to wait with nothing before it. */
  #movedAt: number;

  constructor({ now, stallMs, published, landed }: ProgressOptions) {
    this.#now = now;
    this.#stallMs = stallMs;
    this.#published = published;
    this.#landed = landed;
    this.#movedAt = now();
  }

  get published(): number {
    return this.#published;
  }

  publishedTo(position: number): void {
    if (this.#published <= this.#landed) this.#movedAt = this.#now();
    this.#published = position;
  }

  landedTo(position: number): void {
    if (position !== this.#landed) this.#movedAt = this.#now();
    this.#landed = position;
  }

  /** Messages that wait. */
  behind(): number {
    return Math.max(0, this.#published - this.#landed);
  }

  /** Messages wait, and none has landed for longer than it may take. A clock that was put back begins the time anew. */
  isStalled(): boolean {
    const now = this.#now();
    if (now < this.#movedAt) this.#movedAt = now;
    return this.behind() > 0 && now - this.#movedAt > this.#stallMs;
  }
}
