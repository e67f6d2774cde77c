import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import registry from "../../../includes/feature_registry.js";
import { writeWhole } from "../../../platform/home-files.ts";
import { digestOf, featuresDigest, type ModelRecord, modelDigest, modelSchema } from "../../../scoring/model-record.ts";

/** A model without a forest: everybody gets the same probabilities. It goes through every check that another one goes through. */
export async function writeConstantModel(
  models: string,
  name: string,
  probabilities: Readonly<Record<string, number>>,
  fields: {
    readonly variants?: readonly string[];
    readonly list?: readonly { name: string; type: "number" | "category" }[];
  } = {},
): Promise<{ readonly version: string; readonly digest: string; readonly artefact: string }> {
  const list = [
    ...(fields.list ?? [
      { name: "opens_30d", type: "number" as const },
      { name: "variant", type: "category" as const },
    ]),
  ];
  const zero = "0".repeat(64);
  const metrics = {
    rows: 1,
    positives: 0,
    observed_rate: 0,
    predicted_rate: 0,
    auc: null,
    auc_low: null,
    auc_high: null,
    log_loss: null,
    ece: null,
  };
  const record: ModelRecord = {
    schema: modelSchema,
    name,
    lineage: {
      snapshot: { id: "s", content: { algorithm: "none", value: zero }, rows: 1 },
      features: { version: registry.version, digest: featuresDigest({ version: registry.version, list }), list },
      trainer: { name: "constant", version: "1" },
      hyperparameters: {},
      seed: 1,
      inputs: digestOf({ name, probabilities }),
      sent_from: "2026-01-01T00:00:00Z",
      fitted_before: "2026-01-01T00:00:00Z",
      sent_to: "2026-01-01T00:00:00Z",
    },
    variants: [...(fields.variants ?? ["offer", "plain"])],
    policy: { conversion_value: 10, complaint_cost: 5, unsubscribe_cost: 1, send_cost: 0 },
    outcomes: Object.entries(probabilities).map(([outcome, probability]) => ({
      name: outcome,
      column: `did_${outcome}`,
      model: { kind: "constant", probability },
      sample: { positives: 0, negatives: 1, kept_positives: 0, kept_negatives: 1 },
      validation: metrics,
      predictions: zero,
    })),
    made: { at: "2026-01-01T00:00:00Z", seconds: 0, where: "here" },
  };
  await mkdir(join(models, name), { recursive: true });
  await writeWhole(join(models, name, "model.json"), JSON.stringify(record));
  // Forests it has none: the folder is its record.
  return { version: name, digest: modelDigest(record), artefact: digestOf({ record, files: [] }) };
}
