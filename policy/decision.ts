import type { Policy, Rung } from "./schema.ts";

export type InputValue = number | string | boolean | null;
export type Inputs = Readonly<Record<string, InputValue | undefined>>;

/** Somebody asks what to do for one person. The same `request_id` is the same question. */
export interface DecisionRequest {
  readonly request_id: string;
  /** `user_id_hash`. */
  readonly person_id: string;
  /** The campaign that a send belongs to; the policy's name where nobody says otherwise. */
  readonly campaign_id: string;
  /** What the occasion says: the cart's category, a campaign's subject_length. Features of the same name give way. */
  readonly context: Inputs;
}

/** One send to the person that happened, or was decided: what caps count. */
export interface PastSend {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly kind: string;
  readonly campaign_id: string;
}

/** What is known of a person when it is decided; `null` where that could not be read, which never helps to be sent anything. */
export interface Customer {
  readonly person_id: string;
  /** By what arms and hold-outs are drawn: the same for all ids of a person, so that nobody is in two of them. */
  readonly drawn_as: string;
  /** conflict: what we know may be of several people. */
  readonly identity: "known" | "conflict" | "unknown";
  /** Of the policy's purpose. */
  readonly consent: { readonly is_granted: boolean; readonly as_of: number } | null;
  /** Why the person may not be mailed at all; null: the list could not be read. */
  readonly suppressions: readonly string[] | null;
  /** Of this channel and kind of campaign. */
  readonly eligibility: {
    readonly is_eligible: boolean;
    readonly reasons: readonly string[];
    readonly as_of: number;
  } | null;
  readonly segments: readonly string[] | null;
  readonly region: string | null;
  readonly time_zone: string | null;
  /** Sends of the longest period of any cap, oldest first; null: they could not be read. */
  readonly sends: readonly PastSend[] | null;
  /** Categories that the person cares for, the most first, as of when the features are. */
  readonly categories?: readonly string[];
  readonly features: { readonly values: Inputs; readonly version: string; readonly as_of: number } | null;
}

export interface Pause {
  /** `all`, `campaign:<policy>`, `kind:<kind>` or `channel:<channel>`. */
  readonly scope: string;
  readonly reason: string;
}

/** A policy as it stands now: with its digest, what is paused, and what its global caps have counted. */
export interface PolicyInForce {
  readonly policy: Policy;
  readonly digest: string;
  /** Secret of this installation, from which hold-outs and exploration are drawn. */
  readonly key: Uint8Array;
  readonly pauses: readonly Pause[];
  /** Sends of this policy by calendar period (`periodsOf`); null: they could not be read. */
  readonly sent: Readonly<Record<string, number>> | null;
}

export type Scores =
  /** Calibrated probabilities by variant and outcome; variants that the model does not know are absent. */
  | { readonly kind: "scored"; readonly by_variant: ReadonlyMap<string, Readonly<Record<string, number>>> }
  | { readonly kind: "failed"; readonly reason: string };

/** The model that decides for this person, or why there is none. */
export type AssignedModel =
  | {
      readonly kind: "model";
      readonly version: string;
      readonly digest: string;
      readonly arm: "candidate" | "champion";
      /** Chance of this arm. */
      readonly arm_propensity: number;
      /** The canary under way, by which the arms are compared. */
      readonly release_id: string | null;
      /** The candidate's share of people now. */
      readonly canary_share: number | null;
      /** The version of the features that it learned, and their names. */
      readonly features_version: string;
      readonly inputs: readonly string[];
      readonly terms: Readonly<
        Record<"conversion_value" | "complaint_cost" | "unsubscribe_cost" | "send_cost", number>
      >;
      /** Asked once at most, when everything before has passed. `at` is when the mail would go out. */
      readonly score: (inputs: Inputs, at: number) => Scores;
    }
  | { readonly kind: "none"; readonly reason: string };

export const steps = [
  "pause",
  "consent",
  "suppression",
  "eligibility",
  "jurisdiction",
  "caps",
  "hold_out",
  "model",
  "exploration",
  "send_time",
] as const;
export type StepName = (typeof steps)[number];

/** One step of a decision: what it found, by a stable code, and the value that it saw. */
export interface Step {
  readonly step: StepName;
  readonly code: string;
  readonly saw: unknown;
}

export interface Candidate {
  /** A variant, or `suppress`. */
  readonly variant: string;
  /** Expected worth; null where nothing scored it. */
  readonly value: number | null;
  readonly probabilities: Readonly<Record<string, number>> | null;
  /** Chance that this candidate had of being chosen. */
  readonly propensity: number;
}

export interface Decision {
  readonly decision_id: string;
  readonly request_id: string;
  readonly person_id: string;
  readonly campaign_id: string;
  readonly decided_at: number;
  readonly action: "send" | "suppress";
  readonly variant: string | null;
  readonly offer: string | null;
  /** When to send; null when nothing is sent. */
  readonly send_at: number | null;
  /** Names the mail, once it is sent. */
  readonly message_id: string | null;
  /** The rung of the ladder that decided; `suppress` also where a step before the ladder stopped. */
  readonly rung: Rung;
  /** The code of the step that decided. */
  readonly reason: string;
  readonly candidates: readonly Candidate[];
  readonly propensity: number;
  readonly is_exploration: boolean;
  readonly is_hold_out: boolean;
  /** champion, candidate, rules or hold-out; null where a step before the hold-out stopped, so that arms hold only who could be mailed. */
  readonly arm: string | null;
  readonly arm_propensity: number;
  readonly release_id: string | null;
  readonly canary_share: number | null;
  readonly model: { readonly version: string; readonly digest: string } | null;
  readonly policy: { readonly name: string; readonly digest: string };
  readonly features: {
    readonly version: string;
    readonly age_seconds: number;
    readonly status: "present" | "stale";
  } | null;
  readonly steps: readonly Step[];
}
