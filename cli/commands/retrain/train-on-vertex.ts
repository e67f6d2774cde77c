import { UserError } from "../../../errors/user-error.ts";
import { findSnapshot } from "../../../retrain/snapshot/snapshot.ts";
import type { TrainRequest } from "../../../retrain/trainer/train.ts";
import type { VertexTarget } from "../../../retrain/vertex/requests.ts";
import { aucInWords } from "../../../scoring/has-say.ts";
import type { Environment } from "../../environment.ts";

export interface VertexOptions {
  readonly project?: string;
  readonly region?: string;
  readonly bucket?: string;
  readonly image?: string;
  readonly machine?: string;
  readonly serviceAccount?: string;
  readonly dryRun?: boolean;
}

const settings = {
  project: "GOOGLE_CLOUD_PROJECT",
  region: "INBOXLOOP_VERTEX_REGION",
  bucket: "INBOXLOOP_BUCKET",
  image: "INBOXLOOP_TRAINER_IMAGE",
} as const;

/** Options first, then settings of the process; what is missing is named with both. */
function targetOf(options: VertexOptions, world: Environment): VertexTarget {
  const required = (name: keyof typeof settings): string => {
    const value = options[name] ?? world.settings[settings[name]];
    if (value) return value;
    throw new UserError(`training on Vertex AI needs --${name} or ${settings[name]}`, {
      code: "vertex.settings",
      exit: "config",
      next: "inboxloop train --target vertex --dry-run --project p --region europe-west1 --bucket b --image i",
    });
  };
  return {
    project: required("project"),
    region: required("region"),
    bucket: required("bucket"),
    image: required("image"),
    machine: options.machine ?? "n2-standard-4",
    serviceAccount: options.serviceAccount,
    timeoutSeconds: 3_600,
  };
}

/** `train --target vertex`. */
export async function trainOnVertex(world: Environment, request: TrainRequest, options: VertexOptions): Promise<void> {
  const vertex = await import("../../../retrain/vertex/train-on-vertex.ts");
  const target = targetOf(options, world);
  const snapshot = await findSnapshot(await world.target.snapshots.refresh(), request.snapshot);
  if (options.dryRun) {
    const plan = vertex.planVertexTraining(request, snapshot, target, world.now());
    world.console.result(plan, () => JSON.stringify(plan, null, 2));
    return;
  }
  const { connectVertex } = await import("../../../retrain/vertex/clients.ts");
  const { cloudStorage } = await import("../../../platform/artefacts/object-store.ts");
  const { setTimeout: pause } = await import("node:timers/promises");
  const clients = await connectVertex(target.region);
  try {
    const model = await vertex.trainOnVertex(
      {
        clients,
        store: await cloudStorage({ projectId: target.project }),
        now: world.now,
        pause: (ms, signal) => pause(ms, undefined, signal ? { signal } : {}),
        signal: world.signal,
        onState: (state, job) => world.console.note(`${job} ${state}`),
      },
      request,
      snapshot,
      target,
    );
    world.console.result(model, () =>
      [
        `model ${model.record.name} ${model.digest}`,
        `job        ${model.job}`,
        `registered ${model.registered} version ${model.version}`,
        `at         ${model.artifact}`,
        ...model.record.outcomes.map((o) => `${o.name.padEnd(12)} AUC ${aucInWords(o)}`),
      ].join("\n"),
    );
  } finally {
    await clients.close();
  }
}
