import type { Decision } from "../../policy/decision.ts";
import type { Policy } from "../../policy/schema.ts";

/** What a batch decided, as counts. */
export interface Summary {
  readonly decisions: number;
  readonly sends: number;
  readonly hold_out: number;
  readonly explored: number;
  /** Decisions of people who passed the gates that the policy's first rung did not make. */
  readonly fallback: number;
  readonly fallback_share: number | null;
  readonly by_reason: Readonly<Record<string, number>>;
  readonly by_rung: Readonly<Record<string, number>>;
  readonly by_variant: Readonly<Record<string, number>>;
  readonly by_arm: Readonly<Record<string, number>>;
}

/** What a summary needs of a decision; a line that a killed run wrote has it too. */
export type Counted = Pick<
  Decision,
  "variant" | "reason" | "rung" | "arm" | "is_exploration" | "is_hold_out" | "action"
>;

export class SummaryCounter {
  #decisions = 0;
  #sends = 0;
  #holdOut = 0;
  #explored = 0;
  #passed = 0;
  #fallback = 0;
  readonly #by = {
    reason: new Map<string, number>(),
    rung: new Map<string, number>(),
    variant: new Map<string, number>(),
    arm: new Map<string, number>(),
  };

  add(one: Counted, policy: Pick<Policy, "ladder">): void {
    this.#decisions += 1;
    if (one.action === "send") this.#sends += 1;
    if (one.is_hold_out) this.#holdOut += 1;
    if (one.is_exploration) this.#explored += 1;
    if (one.arm !== null && !one.is_hold_out) {
      this.#passed += 1;
      if (one.rung !== policy.ladder[0]) this.#fallback += 1;
    }
    const count = (into: Map<string, number>, key: string) => into.set(key, (into.get(key) ?? 0) + 1);
    count(this.#by.reason, one.reason);
    count(this.#by.rung, one.rung);
    count(this.#by.variant, one.variant ?? "suppress");
    count(this.#by.arm, one.arm ?? "none");
  }

  read(): Summary {
    const sorted = (counts: ReadonlyMap<string, number>) =>
      Object.fromEntries([...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)));
    return {
      decisions: this.#decisions,
      sends: this.#sends,
      hold_out: this.#holdOut,
      explored: this.#explored,
      fallback: this.#fallback,
      fallback_share: this.#passed === 0 ? null : this.#fallback / this.#passed,
      by_reason: sorted(this.#by.reason),
      by_rung: sorted(this.#by.rung),
      by_variant: sorted(this.#by.variant),
      by_arm: sorted(this.#by.arm),
    };
  }
}
