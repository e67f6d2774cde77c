import { z } from "zod";
import type { CarriedError } from "../../errors/carried-error.ts";
import { policyTerms } from "../../scoring/model-record.ts";
import { mostSettings } from "./boosting/settings.ts";

/** All that the trainer is told, wherever it runs: plain data, in a message, a file or an argument. */
export const trainingJob = z.strictObject({
  /** Folder of the snapshot (lock.json and its files). */
  snapshot: z.string().min(1),
  /** Folder that the model is written to; it appears whole or not at all. */
  output: z.string().min(1),
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/),
  seed: z.int(),
  /** Rows that an outcome learns from, at most: every positive, and negatives that weigh for those that were left out. */
  rows_per_outcome: z.int().min(100),
  /** Groups of people that take turns in not being learned from: they choose the number of trees and calibrate. */
  folds: z.int().min(2).max(20),
  threads: z.int().min(1).max(64),
  policy: policyTerms,
  /** Outcomes to learn; those of includes/features.js when empty. */
  outcomes: z.array(z.strictObject({ name: z.string(), column: z.string() })),
  /** Features to learn from; those of includes/features.js when empty. */
  features: z.array(z.strictObject({ name: z.string(), type: z.enum(["number", "category"]) })),
  /** Features to leave out by name: for ablations, and for tables that lack them. */
  without: z.array(z.string()),
  /** Column of the snapshot by which rows count when the forests grow; every row counts alike without it. Calibration and measures take rows as they came. */
  weight: z.string().nullable().default(null),
  /** BOOL column of the snapshot: only rows of which it is true are learned from. Calibration and measures take all. */
  only: z.string().nullable().default(null),
  /** Category of the snapshot whose values count alike when the forests grow: rows of a small group weigh more. Calibration of the level and measures take rows as they came. */
  balance: z.string().nullable().default(null),
  /** By outcome, a column of numbers from 0 to 1 that its forest learns in place of what happened, where it is not NULL: how likely it happened. Calibration and measures go by what happened. */
  soft: z.record(z.string(), z.string()).default({}),
  /** Which way an outcome's score may go with a number feature. */
  monotone: z
    .array(z.strictObject({ outcome: z.string(), feature: z.string(), direction: z.enum(["up", "down"]) }))
    .default([]),
  /** Settings that are tried for each outcome; the one with the least cross-fitted loss is kept. */
  search: z.int().min(1).max(mostSettings).default(1),
  /** Features that may tell an outcome implausibly well, by name, and why. */
  waive: z.record(z.string(), z.string()).default({}),
  made_at: z.iso.datetime(),
  where: z.string(),
});
export type TrainingJob = z.infer<typeof trainingJob>;

export type TrainerMessage =
  | { readonly kind: "progress"; readonly step: string; readonly done: number; readonly total: number }
  | { readonly kind: "note"; readonly line: string }
  | { readonly kind: "done"; readonly path: string }
  | ({ readonly kind: "failed" } & CarriedError);

/** Whoever waits for a job. */
export interface TrainerListener {
  readonly onProgress: (step: string, done: number, total: number) => void;
  /** Something to know before it is done, for a person. */
  readonly onNote: (line: string) => void;
}
