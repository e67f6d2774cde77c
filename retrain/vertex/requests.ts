import features from "../../includes/features.js";
import type { Evaluation } from "../evaluate/evaluate.ts";
import type { TrainingJob } from "../trainer/job.ts";

/** Where and as what the trainer runs in the cloud. */
export interface VertexTarget {
  readonly project: string;
  readonly region: string;
  readonly bucket: string;
  /** Image of this repository's Dockerfile. */
  readonly image: string;
  readonly machine: string;
  readonly serviceAccount?: string | undefined;
  /** The job is ended after so long. */
  readonly timeoutSeconds: number;
  /** On machines that may be taken away while they run, for less money. */
  readonly spot: boolean;
  /** Aliases that the registered version gets beside the one of its name. */
  readonly aliases: readonly string[];
}

export const locationOf = (target: VertexTarget): string => `projects/${target.project}/locations/${target.region}`;
export const snapshotUri = (target: VertexTarget, id: string): string => `gs://${target.bucket}/snapshots/${id}`;
export const modelsUri = (target: VertexTarget): string => `gs://${target.bucket}/models`;

/** Labels take lower-case letters, digits, dashes and underscores, 63 at most. */
const label = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, "-")
    .slice(0, 63);

/**
 * CreateCustomJob: one machine that runs the container with the job as its argument. `run` marks this one submission, so that a job is
 * found again whose name nobody has heard. Plain data; `--dry-run` prints it.
 */
export function customJobRequest(job: TrainingJob, target: VertexTarget, run: string) {
  return {
    parent: locationOf(target),
    customJob: {
      displayName: `inboxloop-train-${job.name}`,
      labels: { app: "inboxloop", model: label(job.name), run },
      jobSpec: {
        workerPoolSpecs: [
          {
            machineSpec: { machineType: target.machine },
            replicaCount: 1,
            containerSpec: { imageUri: target.image, args: ["--job-json", JSON.stringify(job)] },
          },
        ],
        scheduling: {
          timeout: { seconds: target.timeoutSeconds },
          // A container that starts anew changes nothing that is done, so whoever loses its machine may begin again.
          restartJobOnWorkerRestart: target.spot,
          ...(target.spot && { strategy: "SPOT" as const }),
        },
        baseOutputDirectory: { outputUriPrefix: job.output },
        ...(target.serviceAccount !== undefined && { serviceAccount: target.serviceAccount }),
      },
    },
  };
}

/** The registry's one model; every trained version is a version of it. */
export const registeredModelId = "inboxloop";
export const registeredModel = (target: VertexTarget): string => `${locationOf(target)}/models/${registeredModelId}`;

/** A version of it, by its number or an alias. */
export const registeredVersion = (target: VertexTarget, version: string): string =>
  `${registeredModel(target)}@${version}`;

/** What an alias may be, as the registry says. */
export const aliasPattern = /^[a-z][a-zA-Z0-9-]{0,126}[a-z0-9]$/;

/** The alias that every version gets of its name: lower-case letters, digits and dashes, beginning with a letter and not ending with a dash. */
export const aliasOf = (name: string): string =>
  `v-${name.replace(/[^a-z0-9-]/g, "-")}x`.slice(0, 127).replace(/-*x$/, "");

/** As much of a digest as a label holds. */
export const digestLabel = (digest: string): string => digest.slice(0, 63);

/** UploadModel: a version of the registered model, or the model with its first version. */
export function uploadModelRequest(
  job: TrainingJob,
  target: VertexTarget,
  model: { readonly digest: string; readonly snapshot: string },
  isRegistered: boolean,
) {
  return {
    parent: locationOf(target),
    ...(isRegistered ? { parentModel: registeredModel(target) } : { modelId: registeredModelId }),
    model: {
      displayName: registeredModelId,
      versionAliases: [aliasOf(job.name), ...target.aliases],
      versionDescription: `${job.name}: model ${model.digest}, snapshot ${model.snapshot}`,
      artifactUri: job.output,
      containerSpec: { imageUri: target.image },
      labels: {
        app: "inboxloop",
        model: label(job.name),
        digest: digestLabel(model.digest),
        snapshot: label(model.snapshot),
      },
    },
  };
}

/** Google's shape of the figures of a classifier. */
const metricsSchema = "gs://google-cloud-aiplatform/schema/modelevaluation/classification_metrics_1.0.0.yaml";

/** What is known of an evaluation before there is one. */
export const evaluationNames = (job: TrainingJob): readonly string[] =>
  (job.outcomes.length > 0 ? job.outcomes : (features.outcomes as readonly { readonly name: string }[])).map(
    ({ name }) => evaluationName(job.name, name),
  );
const evaluationName = (model: string, outcome: string): string => `${model} ${outcome}`;

/** ImportModelEvaluation, one for each outcome: figures in Google's shape, and ours with the guardrails beside them. Values are plain. */
export function importEvaluationRequests(job: TrainingJob, target: VertexTarget, version: string, found: Evaluation) {
  return found.outcomes.map(({ outcome, candidate }) => ({
    parent: registeredVersion(target, version),
    modelEvaluation: {
      displayName: evaluationName(job.name, outcome),
      metricsSchemaUri: metricsSchema,
      metrics: {
        ...(candidate.auc !== null && { auRoc: candidate.auc }),
        ...(candidate.log_loss !== null && { logLoss: candidate.log_loss }),
      },
      metadata: {
        outcome,
        verdict: found.verdict,
        digest: found.candidate.digest,
        champion: found.champion?.name ?? null,
        snapshot: found.snapshot,
        rows: candidate.rows,
        positives: candidate.positives,
        observed_rate: candidate.observed_rate,
        predicted_rate: candidate.predicted_rate,
        auc_low: candidate.auc_low,
        auc_high: candidate.auc_high,
        ece: candidate.ece,
        guardrails: found.guardrails.map(({ id, verdict, actual, expected }) => ({
          id,
          verdict,
          actual,
          expected,
        })),
      },
    },
  }));
}
export type ImportEvaluation = ReturnType<typeof importEvaluationRequests>[number];
