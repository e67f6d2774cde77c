import { z } from "zod";
import { UserError } from "../../errors/user-error.ts";
import { checkedYaml } from "../../platform/checked-yaml.ts";
import { mostSettings } from "../trainer/boosting/settings.ts";

/** Outcomes whose rates are watched: counts of monitoring.kpis_daily. More of the first two is worse, less of the others. */
export const kpiNames = ["complained", "unsubscribed", "clicked", "converted"] as const;

const days = z.int().min(1).max(3_650);

/** When a model is trained anew, and how: one file, all of it data. What is left out is as here; `null` turns a trigger off. */
export const cyclePolicy = z.strictObject({
  version: z.literal(1),
  /** So many days after the last training. */
  schedule: z.strictObject({ every_days: days }).nullable().default({ every_days: 7 }),
  /** So many features at this level or above in monitoring.drift. */
  drift: z
    .strictObject({ level: z.enum(["moved", "drifted"]), features: z.int().min(1) })
    .nullable()
    .default({ level: "drifted", features: 1 }),
  /** So many outcomes for which the champion's scores are at this level or above in monitoring.prediction_drift. */
  scores: z
    .strictObject({ level: z.enum(["moved", "drifted"]), outcomes: z.int().min(1) })
    .nullable()
    .default({ level: "drifted", outcomes: 1 }),
  /** So many figures of the champion that came out worse than its scores let expect, in monitoring.estimated_performance. */
  estimates: z
    .strictObject({ worse: z.int().min(1) })
    .nullable()
    .default({ worse: 1 }),
  /** The labels of the latest week that could be tested are at this level or above in monitoring.label_drift. */
  labels: z
    .strictObject({ level: z.enum(["moved", "drifted"]) })
    .nullable()
    .default({ level: "drifted" }),
  /** A rate of the latest days that is worse than that of the days before, by more than a share and beyond chance. */
  kpis: z
    .array(
      z.strictObject({
        kpi: z.enum(kpiNames),
        worse_by: z.number().min(0).max(100),
        days: days.default(7),
        against_days: days.default(28),
      }),
    )
    .default([{ kpi: "complained", worse_by: 0.2, days: 7, against_days: 28 }]),
  /** Nothing is trained so soon after the last training, whatever triggers. */
  cool_down_days: z.number().min(0).max(3_650).default(2),
  snapshot: z
    .strictObject({
      sample_rows: z.int().min(100).optional(),
      validate_days: days.optional(),
      learn_days: days.optional(),
      people_share: z.number().min(0.01).max(0.99).optional(),
    })
    .default({}),
  train: z
    .strictObject({
      rows: z.int().min(100).optional(),
      high_precision: z.boolean().optional(),
      balance: z.string().min(1).optional(),
      /** As train's options of these names: each text is one. */
      soft: z.array(z.string().min(1)).optional(),
      monotone: z.array(z.string().min(1)).optional(),
      search: z.int().min(1).max(mostSettings).optional(),
      trainer: z.string().min(1).optional(),
    })
    .refine(
      ({ rows, balance, soft, monotone, search, trainer }) =>
        trainer === undefined || [rows, balance, soft, monotone, search].every((one) => one === undefined),
      "rows, balance, soft, monotone and search are for our own trainer",
    )
    .default({}),
});
export type CyclePolicy = z.infer<typeof cyclePolicy>;
export type KpiTrigger = CyclePolicy["kpis"][number];

/** The policy in a YAML text. Throws UserError `cycle.policy` with file and line. */
export const readCyclePolicy = (text: string, file: string): CyclePolicy =>
  checkedYaml(
    text,
    file,
    cyclePolicy,
    (message, where) =>
      new UserError(`not a cycle policy: ${message}`, {
        code: "cycle.policy",
        exit: "config",
        where,
        next: "docs/reference/cycle.md has every key",
      }),
  );
