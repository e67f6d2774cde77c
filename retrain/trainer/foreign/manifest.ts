import { z } from "zod";
import { onnxInput, onnxOutput } from "../../../scoring/model-record.ts";

/** A file of the output folder by its plain name: nothing above it, nothing hidden. */
const file = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.onnx$/, "it is the name of an .onnx file in the output folder");

/** What somebody else's trainer says of what it wrote: `manifest.json` in its output folder. */
export const foreignManifest = z.strictObject({
  format: z.literal("inboxloop-onnx/1"),
  trainer: z.strictObject({ name: z.string().min(1).max(100), version: z.string().min(1).max(100) }),
  hyperparameters: z.record(z.string().max(100), z.union([z.number(), z.string().max(1_000)])).default({}),
  /** By outcome: a graph, or one probability for everybody. */
  outcomes: z.record(
    z.string(),
    z.union([
      z.strictObject({ file, input: onnxInput, output: onnxOutput }),
      z.strictObject({ probability: z.number().min(0).max(1) }),
    ]),
  ),
});
export type ForeignManifest = z.infer<typeof foreignManifest>;

/** What somebody else's trainer is told: `settings.json` in the folder that it reads. */
export const foreignSettings = z.strictObject({
  format: z.literal("inboxloop-training/1"),
  name: z.string(),
  seed: z.int(),
  snapshot: z.strictObject({ id: z.string(), content: z.string(), rows: z.int() }),
  /** File of the rows to learn from, in order of time. */
  rows_file: z.literal("learn.parquet"),
  rows: z.int(),
  outcomes: z.array(z.strictObject({ name: z.string(), column: z.string() })),
  features: z.array(z.strictObject({ name: z.string(), type: z.enum(["number", "category"]) })),
  /** Column that tells people apart, for folds: a number without meaning. */
  person: z.literal("_person"),
  sent_at: z.literal("sent_at"),
  /** Columns by which rows count, where asked for. */
  weight: z.string().nullable(),
  only: z.string().nullable(),
  time_limit_seconds: z.int(),
  output_limit_bytes: z.int(),
});
export type ForeignSettings = z.infer<typeof foreignSettings>;
