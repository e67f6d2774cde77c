import { fileURLToPath } from "node:url";
import { protos } from "@google-cloud/aiplatform";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

// Google's clients look for a metadata server unless they are told that there is none.
process.env["METADATA_SERVER_DETECTION"] = "none";

const protosOf = (name: string) =>
  fileURLToPath(new URL(`../../../node_modules/${name}/build/protos`, import.meta.url));

/** What the server was asked, in order, and what it answers. */
export interface VertexScript {
  /** States that getCustomJob gives one after the other; the last one stays. */
  states: readonly { readonly state: string; readonly error?: { readonly code: number; readonly message: string } }[];
  /** gRPC status that a method answers with, by method; used up one by one. */
  readonly failures?: Readonly<Record<string, { readonly code: number; readonly details: string }[]>>;
  readonly isRegistered?: boolean;
  /** Methods that do what they are asked and are not heard: the answer is lost. */
  readonly unheard?: readonly string[];
  /** Called when the job is asked for, before the answer. */
  readonly onGet?: (times: number) => void;
}

export interface VertexServer {
  readonly port: number;
  readonly calls: { readonly method: string; readonly request: Record<string, unknown> }[];
  close(): void;
}

type Call = grpc.ServerUnaryCall<Record<string, unknown>, unknown>;

/** Vertex AI on this machine, from the protos that Google's client ships: JobService, ModelService and Operations. */
export async function startVertexServer(script: VertexScript): Promise<VertexServer> {
  const definition = loadSync(
    [
      "google/cloud/aiplatform/v1/job_service.proto",
      "google/cloud/aiplatform/v1/model_service.proto",
      "google/longrunning/operations.proto",
    ],
    {
      includeDirs: [protosOf("@google-cloud/aiplatform"), protosOf("google-gax")],
      longs: Number,
      enums: String,
      defaults: false,
    },
  );
  const server = new grpc.Server();
  const calls: VertexServer["calls"] = [];
  let gets = 0;
  const place = "projects/1/locations/europe-west1";
  const model = `${place}/models/inboxloop`;
  /** Jobs by their resource names, oldest first. */
  const jobs = new Map<string, Record<string, unknown>>();
  /** Registered versions by alias. */
  const versions = new Map<string, Record<string, unknown>>();
  const evaluations: Record<string, unknown>[] = [];
  let cancelledJob = "";
  const answers: Readonly<Record<string, (request: Record<string, unknown>) => unknown>> = {
    CreateCustomJob: (request) => {
      const name = `${place}/customJobs/${42 + jobs.size}`;
      jobs.set(name, request["customJob"] as Record<string, unknown>);
      return { ...jobs.get(name), name, state: "JOB_STATE_QUEUED" };
    },
    GetCustomJob: ({ name }) => {
      gets += 1;
      script.onGet?.(gets);
      if (!jobs.has(name as string)) throw { code: grpc.status.NOT_FOUND, details: "no such job" };
      const at = script.states[Math.min(gets, script.states.length) - 1];
      return { ...jobs.get(name as string), name, ...(name === cancelledJob ? { state: "JOB_STATE_CANCELLED" } : at) };
    },
    ListCustomJobs: ({ filter }) => ({
      customJobs: [...jobs]
        .filter(([, job]) => filter === `labels.run=${(job["labels"] as Record<string, string>)["run"]}`)
        .map(([name, job]) => ({ ...job, name, state: script.states[0]?.state })),
    }),
    CancelCustomJob: ({ name }) => {
      cancelledJob = name as string;
      return {};
    },
    GetModel: ({ name }) => {
      const alias = (name as string).split("@")[1];
      const isThere = alias === undefined ? script.isRegistered || versions.size > 0 : versions.has(alias);
      if (isThere) return { ...(alias !== undefined && versions.get(alias)), name: model, displayName: "inboxloop" };
      throw { code: grpc.status.NOT_FOUND, details: "no such model" };
    },
    UploadModel: (request) => {
      const uploaded = request["model"] as Record<string, unknown>;
      const version = { ...uploaded, versionId: "3" };
      for (const alias of uploaded["versionAliases"] as string[]) versions.set(alias, version);
      return { name: `${place}/operations/7`, done: false };
    },
    ListModelEvaluations: () => ({ modelEvaluations: evaluations }),
    ImportModelEvaluation: (request) => {
      const name = `${model}/evaluations/${evaluations.length + 1}`;
      evaluations.push({ ...(request["modelEvaluation"] as object), name });
      return evaluations.at(-1);
    },
    GetOperation: (request) => ({
      name: request["name"],
      done: true,
      response: {
        type_url: "type.googleapis.com/google.cloud.aiplatform.v1.UploadModelResponse",
        value: protos.google.cloud.aiplatform.v1.UploadModelResponse.encode({
          model,
          modelVersionId: "3",
        }).finish(),
      },
    }),
  };
  const handler =
    (method: string) =>
    (call: Call, callback: grpc.sendUnaryData<unknown>): void => {
      calls.push({ method, request: call.request });
      const failure = script.failures?.[method]?.shift();
      if (failure) {
        callback(failure);
        return;
      }
      const answer = answers[method];
      if (!answer) {
        callback({ code: grpc.status.UNIMPLEMENTED, details: method });
        return;
      }
      try {
        const given = answer(call.request);
        if (script.unheard?.includes(method)) callback({ code: grpc.status.UNAVAILABLE, details: "connection lost" });
        else callback(null, given);
      } catch (error) {
        callback(error as grpc.ServiceError);
      }
    };
  for (const name of [
    "google.cloud.aiplatform.v1.JobService",
    "google.cloud.aiplatform.v1.ModelService",
    "google.longrunning.Operations",
  ]) {
    const service = definition[name] as unknown as grpc.ServiceDefinition;
    server.addService(service, Object.fromEntries(Object.keys(service).map((method) => [method, handler(method)])));
  }
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return { port, calls, close: () => server.forceShutdown() };
}

/** Settings that point Google's clients at the server. */
export const localVertex = (port: number): Readonly<Record<string, unknown>> => ({
  apiEndpoint: "127.0.0.1",
  port,
  sslCreds: grpc.credentials.createInsecure(),
});
