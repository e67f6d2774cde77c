/**
 * Remembers calls that were accepted, so that the same signed call is not accepted again. Bounded: beyond `limit` the
 * oldest go; whatever is older than `keepMs` does too.
 */
export class ReplayGuard {
  readonly #limit: number;
  readonly #keepMs: number;
  /** Call -> when it was accepted; oldest first. */
  readonly #accepted = new Map<string, number>();
  readonly #underWay = new Set<string>();

  constructor(options: { readonly limit: number; readonly keepMs: number }) {
    this.#limit = options.limit;
    this.#keepMs = options.keepMs;
  }

  get size(): number {
    return this.#accepted.size;
  }

  /** False when the call was accepted before, or is being accepted right now. */
  begin(call: string, now: number): boolean {
    for (const [old, at] of this.#accepted) {
      if (now - at <= this.#keepMs) break;
      this.#accepted.delete(old);
    }
    if (this.#accepted.has(call) || this.#underWay.has(call)) return false;
    this.#underWay.add(call);
    return true;
  }

  /** The call is durable. */
  keep(call: string, now: number): void {
    this.#underWay.delete(call);
    this.#accepted.set(call, now);
    if (this.#accepted.size > this.#limit) this.#accepted.delete(this.#accepted.keys().next().value!);
  }

  /** The call could not be kept: it may come again. */
  forget(call: string): void {
    this.#underWay.delete(call);
  }
}
