import { createHash } from "node:crypto";
import { z } from "zod";
import { canonicalJson } from "../platform/journal/canonical-json.ts";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const rate = z.number().min(0).max(1).nullable();

const metrics = z.strictObject({
  rows: z.int().nonnegative(),
  positives: z.int().nonnegative(),
  observed_rate: rate,
  predicted_rate: rate,
  auc: rate,
  auc_low: rate,
  auc_high: rate,
  log_loss: z.number().nullable(),
  ece: z.number().nullable(),
});

export const calibrationShape = z.strictObject({
  /** `given`: by a trainer of somebody else's, whose probabilities count as they are; slope 1, intercept 0. */
  method: z.enum(["platt", "intercept", "given"]),
  slope: z.number(),
  intercept: z.number(),
  rows: z.int().nonnegative(),
  positives: z.int().nonnegative(),
  level_rows: z.int().nonnegative(),
  level_positives: z.int().nonnegative(),
});

/** The one input of a graph, a matrix of 32-bit floats, a row of it for each row; its columns in order. */
export const onnxInput = z.strictObject({
  name: z.string().min(1),
  columns: z
    .array(
      z.discriminatedUnion("type", [
        /** Not known is NaN. */
        z.strictObject({ name: z.string(), type: z.literal("number") }),
        /** Value i is i + 1; not known, or none of them, is 0. */
        z.strictObject({
          name: z.string(),
          type: z.literal("category"),
          values: z.array(z.string().min(1)).max(100_000),
        }),
      ]),
    )
    .min(1),
});
/** Where the probability of a row stands: in an output of one number a row, or in a column of a wider one. */
export const onnxOutput = z.strictObject({ name: z.string().min(1), column: z.int().min(0).max(99).nullable() });

const onnx = z.strictObject({
  kind: z.literal("onnx"),
  file: z.string(),
  sha256,
  bytes: z.int().positive(),
  input: onnxInput,
  output: onnxOutput,
  calibration: calibrationShape,
});
export type OnnxOutcome = z.infer<typeof onnx>;

const learned = z.discriminatedUnion("kind", [
  onnx,
  z.strictObject({
    kind: z.literal("forest"),
    file: z.string(),
    sha256,
    bytes: z.int().positive(),
    trees: z.int().positive(),
    calibration: calibrationShape,
    /** Log loss over people that the forests of the other folds had not seen, and that of the base rate: by it the number of trees was chosen. */
    cross_fitted: z.strictObject({
      folds: z.int().min(2),
      log_loss: z.number(),
      base_log_loss: z.number(),
    }),
    /** Where several settings were tried: how each differs from the trainer's default, and what it came to over people not learned from. */
    searched: z
      .array(
        z.strictObject({
          change: z.record(z.string(), z.number()),
          trees: z.int().nonnegative(),
          log_loss: z.number(),
          is_chosen: z.boolean(),
        }),
      )
      .optional(),
  }),
  /** Too few of one class to learn from, or no tree better than it on people that were not learned from: everybody gets the base rate. */
  z.strictObject({ kind: z.literal("constant"), probability: z.number().min(0).max(1) }),
]);

const outcome = z.strictObject({
  name: z.string(),
  column: z.string(),
  model: learned,
  sample: z.strictObject({
    positives: z.int(),
    negatives: z.int(),
    kept_positives: z.int(),
    kept_negatives: z.int(),
  }),
  /** On the latest rows, which nothing was fitted to. */
  validation: metrics,
  /** SHA-256 over the calibrated validation predictions as 64-bit floats, little-endian. */
  predictions: sha256,
});

/** What a policy costs and gains, in the currency of the revenue. */
export const policyTerms = z.strictObject({
  /** Worth of one conversion; null: the mean revenue of a conversion in the training rows. */
  conversion_value: z.number().nonnegative().nullable(),
  complaint_cost: z.number().nonnegative(),
  unsubscribe_cost: z.number().nonnegative(),
  send_cost: z.number().nonnegative(),
});
export type PolicyTerms = z.infer<typeof policyTerms>;

/** Raised when a record or the forests beside it take another shape; folders of another one are refused by name. */
export const modelSchema = "2";

/** A model version: where it comes from, what it is, how good it was on rows it had not seen. */
export const modelRecord = z.strictObject({
  schema: z.literal(modelSchema),
  name: z.string(),
  lineage: z.strictObject({
    snapshot: z.strictObject({
      id: z.string(),
      content: z.strictObject({ algorithm: z.string(), value: sha256 }),
      rows: z.int(),
    }),
    features: z.strictObject({
      version: z.string(),
      digest: sha256,
      list: z.array(
        z.strictObject({
          name: z.string(),
          type: z.enum(["number", "category"]),
          /** Digest of how it was worked out (features.feature_registry), where the snapshot knew. */
          version: z.string().optional(),
        }),
      ),
    }),
    /** Whom it never learned from, and before when; versions trained before snapshots said so have none. */
    split: z.strictObject({ rule: z.string(), people_share: z.number(), cut: z.string().nullable() }).optional(),
    trainer: z.strictObject({ name: z.string(), version: z.string() }),
    hyperparameters: z.record(z.string(), z.union([z.number(), z.string()])),
    /** Whose forests these are, where only the calibration is newer, and the snapshots that they learned from. */
    updates: z.strictObject({ name: z.string(), digest: sha256, snapshots: z.array(z.string()).min(1) }).optional(),
    seed: z.int(),
    /** SHA-256 of all of the above with outcomes and policy as asked: what decides what the model becomes. */
    inputs: sha256,
    sent_from: z.string(),
    /** Everything that was learned or calibrated on was sent before. */
    fitted_before: z.string(),
    sent_to: z.string(),
  }),
  variants: z.array(z.string()),
  policy: z.strictObject({ ...policyTerms.shape, conversion_value: z.number().nonnegative() }),
  outcomes: z.array(outcome).min(1),
  made: z.strictObject({
    at: z.string(),
    seconds: z.number(),
    where: z.string(),
    /** Features that tell an outcome implausibly well, by name, and why they were taken all the same. */
    waived: z.record(z.string(), z.string()).optional(),
  }),
});
export type ModelRecord = z.infer<typeof modelRecord>;
export type OutcomeRecord = ModelRecord["outcomes"][number];

/** SHA-256 of a value's canonical JSON. */
export const digestOf = (value: unknown): string => createHash("sha256").update(canonicalJson(value)).digest("hex");

/** Digest of the ordered feature list and its version. */
export const featuresDigest = (features: { readonly version: string; readonly list: readonly unknown[] }): string =>
  digestOf({ version: features.version, list: features.list });

const graphDigested = ({ kind, sha256, input, output, calibration }: OnnxOutcome) => ({
  kind,
  sha256,
  input,
  output,
  calibration,
});

/**
 * What a model is: lineage, forests, calibrations and policy, without its name and the circumstances. The same inputs give the same digest.
 */
export function modelDigest(record: ModelRecord): string {
  const { lineage, variants, policy, outcomes } = record;
  return digestOf({
    lineage,
    variants,
    policy,
    outcomes: outcomes.map((o) => ({
      name: o.name,
      column: o.column,
      model:
        o.model.kind === "forest"
          ? { kind: o.model.kind, sha256: o.model.sha256, calibration: o.model.calibration }
          : o.model.kind === "onnx"
            ? graphDigested(o.model)
            : o.model,
      predictions: o.predictions,
    })),
  });
}
