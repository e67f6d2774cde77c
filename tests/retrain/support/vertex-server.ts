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
  let cancelled = false;
  const job = "projects/1/locations/europe-west1/customJobs/42";
  const answers: Readonly<Record<string, (request: Record<string, unknown>) => unknown>> = {
    CreateCustomJob: (request) => ({ ...(request["customJob"] as object), name: job, state: "JOB_STATE_QUEUED" }),
    GetCustomJob: () => {
      gets += 1;
      script.onGet?.(gets);
      const at = cancelled ? { state: "JOB_STATE_CANCELLED" } : script.states[Math.min(gets, script.states.length) - 1];
      return { name: job, ...at };
    },
    CancelCustomJob: () => {
      cancelled = true;
      return {};
    },
    GetModel: (request) => {
      if (script.isRegistered) return { name: request["name"], displayName: "inboxloop" };
      throw { code: grpc.status.NOT_FOUND, details: "no such model" };
    },
    UploadModel: () => ({ name: `${job.split("/customJobs")[0]}/operations/7`, done: false }),
    GetOperation: (request) => ({
      name: request["name"],
      done: true,
      response: {
        type_url: "type.googleapis.com/google.cloud.aiplatform.v1.UploadModelResponse",
        value: protos.google.cloud.aiplatform.v1.UploadModelResponse.encode({
          model: "projects/1/locations/europe-west1/models/inboxloop",
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
        callback(null, answer(call.request));
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
