/** One of our purposes, granted or refused by a signal. */
export interface Heard {
  readonly purpose: string;
  readonly isGranted: boolean;
  /** null for all of them. */
  readonly channel: string | null;
}

/** What a signal says; `at` and `jurisdiction` where the signal itself states them. */
export type SignalHeard =
  | {
      readonly kind: "heard";
      readonly statements: readonly Heard[];
      readonly at?: Date | undefined;
      readonly jurisdiction?: string | undefined;
    }
  /** It cannot be read, or does not say what it must say to count. It grants nothing. */
  | { readonly kind: "broken"; readonly detail: string };

export const broken = (detail: string): SignalHeard => ({ kind: "broken", detail });
