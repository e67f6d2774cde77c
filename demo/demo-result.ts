import type { Why } from "../cli/commands/why/run.ts";
import type { GuardrailResult } from "../policy/guardrails.ts";
import type { Figures } from "../report/read-figures.ts";
import type { Evaluation } from "../retrain/evaluate/evaluate.ts";
import type { ModelRecord } from "../scoring/model-record.ts";
import type { Summary } from "../serve/batch/summary.ts";

/** One turn of the loop in figures: what `inboxloop demo --json` prints, and what the summary and the report are made of. */
export interface DemoResult {
  readonly seed: number;
  readonly home: string;
  readonly period: { readonly from: string; readonly to: string };
  readonly simulated: {
    readonly events: number;
    readonly customers: number;
    readonly campaigns: number;
    readonly lines: number;
    readonly duplicates: number;
    readonly dead_letters: Readonly<Record<string, number>>;
  };
  readonly ingested: {
    readonly received: number;
    readonly landed: number;
    readonly duplicate: number;
    readonly dead_letter: number;
    readonly dead_letters: Readonly<Record<string, number>>;
    /** received = landed + duplicate + dead letter, and every number equals the simulator's. */
    readonly adds_up: boolean;
  };
  readonly built: {
    readonly actions: number;
    readonly assertions: number;
    readonly violated: readonly string[];
    readonly seconds: number;
  };
  readonly labels: Figures["labels"];
  readonly opens: Figures["opens"];
  /** By week of the send. */
  readonly kpis: Figures["kpis"];
  readonly drift: Figures["drift"];
  readonly labelDrift: Figures["labelDrift"];
  readonly affinities: Figures["affinities"];
  readonly sessions: Figures["sessions"];
  /** The ledger's sums at the end, canaries included. */
  readonly accounts: Figures["accounts"] & { readonly dead_letters: Figures["deadLetters"] };
  readonly snapshots: readonly {
    readonly name: string;
    readonly rows: number;
    readonly digest: string;
    /** Undefined where it was made once. */
    readonly twice_the_same: boolean | undefined;
  }[];
  readonly models: readonly {
    readonly name: string;
    readonly digest: string;
    readonly outcomes: ModelRecord["outcomes"];
  }[];
  readonly evaluations: readonly Evaluation[];
  readonly canaries: readonly {
    readonly candidate: string;
    readonly rounds: number;
    readonly ends: "promoted" | "rolled back" | "undecided";
    /** Mails that were decided to be sent, and those among them to people who, by the truth, could no longer be mailed when their hour came. */
    readonly mails: number;
    readonly not_mailable: number;
    readonly guardrails: readonly GuardrailResult[];
    readonly counts: unknown;
    /** What the canary could see, by its plan. */
    readonly saw: readonly { readonly what: string; readonly chance: number; readonly promised: number }[];
    /** Share of people that the candidate decided for; null where it is not known. */
    readonly share: number | null;
    /** What the plain +20 % rule would have said. */
    readonly plain: { readonly verdict: "pass" | "fail"; readonly ratio: number | null } | null;
  }[];
  /** What the policies in the home answer. */
  readonly decisions: {
    /** Carts left on the last day of the period, as the reminder would answer them. */
    readonly carts: Summary;
    /** The next mail, if no model could be used: the rules decide. */
    readonly without_model: Summary;
    /** Of a send of the first canary, beside somebody who gets none. */
    readonly why: Why | null;
  };
  readonly release: {
    readonly champion: string | null;
    readonly log: readonly { readonly at: string; readonly by: string; readonly what: string; readonly hash: string }[];
  };
  readonly report: string;
  /** By step; steps that run side by side count fully, each. */
  readonly seconds: Readonly<Record<string, number>>;
  readonly total_seconds: number;
  /** Of the main process; trainers, judges and the simulator are processes of their own. */
  readonly peak_memory_mb: number;
}
