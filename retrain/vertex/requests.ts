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

/** CreateCustomJob: one machine that runs the container with the job as its argument. Plain data; `--dry-run` prints it. */
export function customJobRequest(job: TrainingJob, target: VertexTarget) {
  return {
    parent: locationOf(target),
    customJob: {
      displayName: `inboxloop-train-${job.name}`,
      labels: { app: "inboxloop", model: label(job.name) },
      jobSpec: {
        workerPoolSpecs: [
          {
            machineSpec: { machineType: target.machine },
            replicaCount: 1,
            containerSpec: { imageUri: target.image, args: ["--job-json", JSON.stringify(job)] },
          },
        ],
        scheduling: { timeout: { seconds: target.timeoutSeconds }, restartJobOnWorkerRestart: false },
        baseOutputDirectory: { outputUriPrefix: job.output },
        ...(target.serviceAccount !== undefined && { serviceAccount: target.serviceAccount }),
      },
    },
  };
}

/** The registry's one model; every trained version is a version of it. */
export const registeredModelId = "inboxloop";
export const registeredModel = (target: VertexTarget): string => `${locationOf(target)}/models/${registeredModelId}`;

/** Aliases take lower-case letters, digits and dashes, beginning with a letter and not ending with a dash. */
const alias = (name: string): string => `v-${name.replace(/[^a-z0-9-]/g, "-")}x`.slice(0, 127).replace(/-*x$/, "");

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
      versionAliases: [alias(job.name)],
      versionDescription: `${job.name}: model ${model.digest}, snapshot ${model.snapshot}`,
      artifactUri: job.output,
      containerSpec: { imageUri: target.image },
      labels: {
        app: "inboxloop",
        model: label(job.name),
        digest: model.digest.slice(0, 63),
        snapshot: label(model.snapshot),
      },
    },
  };
}
