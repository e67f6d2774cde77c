import type { protos } from "@google-cloud/aiplatform";
import type { ImportEvaluation } from "./requests.ts";

type Job = protos.google.cloud.aiplatform.v1.ICustomJob;
type RegistryModel = protos.google.cloud.aiplatform.v1.IModel;
type UploadedModel = protos.google.cloud.aiplatform.v1.IUploadModelResponse;
type CreateJob = protos.google.cloud.aiplatform.v1.ICreateCustomJobRequest;
type UploadModel = protos.google.cloud.aiplatform.v1.IUploadModelRequest;

/** The calls of Vertex AI that we make. */
export interface VertexClients {
  createJob(request: CreateJob): Promise<Job>;
  getJob(name: string): Promise<Job>;
  cancelJob(name: string): Promise<void>;
  /** The job that carries this label of a submission; undefined where none does. */
  findJob(parent: string, run: string): Promise<Job | undefined>;
  /** A registered model, or a version of it as `model@alias`; undefined where there is none. */
  findModel(name: string): Promise<RegistryModel | undefined>;
  /** Begins to upload; gives the name of the operation, which goes on by itself. */
  startUpload(request: UploadModel): Promise<string>;
  /** Waits for that operation to end. */
  endUpload(operation: string): Promise<UploadedModel>;
  /** Resource names of a version's evaluations, by what they are called. */
  evaluationsOf(version: string): Promise<ReadonlyMap<string, string>>;
  /** Gives the evaluation's resource name. */
  importEvaluation(request: ImportEvaluation): Promise<string>;
  close(): Promise<void>;
}

export const notFound = 5;

/**
 * Google's own clients, imported here because they take two seconds to load. `options` are theirs: the endpoint, and for a
 * server on this machine its port and credentials.
 */
export async function connectVertex(
  region: string,
  options: Readonly<Record<string, unknown>> = {},
): Promise<VertexClients> {
  const { helpers, v1 } = await import("@google-cloud/aiplatform");
  const settings = { apiEndpoint: `${region}-aiplatform.googleapis.com`, ...options };
  const jobs = new v1.JobServiceClient(settings);
  const models = new v1.ModelServiceClient(settings);
  // Following a job is our own loop: a call that fails comes back at once and is classified there.
  const once = { retry: null as never };
  const value = (of: object) => helpers.toValue(of) as protos.google.protobuf.IValue;
  return {
    async createJob(request) {
      const [job] = await jobs.createCustomJob(request, once);
      return job;
    },
    async getJob(name) {
      const [job] = await jobs.getCustomJob({ name }, once);
      return job;
    },
    async cancelJob(name) {
      await jobs.cancelCustomJob({ name }, once);
    },
    async findJob(parent, run) {
      const [found] = await jobs.listCustomJobs({ parent, filter: `labels.run=${run}` }, once);
      return found[0];
    },
    async findModel(name) {
      try {
        const [model] = await models.getModel({ name }, once);
        return model;
      } catch (error) {
        if ((error as { code?: unknown }).code === notFound) return undefined;
        throw error;
      }
    },
    async startUpload(request) {
      const [operation] = await models.uploadModel(request, once);
      return operation.name ?? "";
    },
    async endUpload(name) {
      const operation = await models.checkUploadModelProgress(name);
      const [uploaded] = await operation.promise();
      return uploaded as UploadedModel;
    },
    async evaluationsOf(parent) {
      const [found] = await models.listModelEvaluations({ parent }, once);
      return new Map(found.map(({ displayName, name }) => [displayName ?? "", name ?? ""]));
    },
    async importEvaluation({ parent, modelEvaluation: { metrics, metadata, ...rest } }) {
      const [imported] = await models.importModelEvaluation(
        { parent, modelEvaluation: { ...rest, metrics: value(metrics), metadata: value(metadata) } },
        once,
      );
      return imported.name ?? "";
    },
    async close() {
      await Promise.all([jobs.close(), models.close()]);
    },
  };
}

/** Options of the clients for a server on this machine, `host:port`, without credentials and without encryption. */
export async function serverOnThisMachine(address: string): Promise<Readonly<Record<string, unknown>>> {
  const { credentials } = await import("@grpc/grpc-js");
  const [host, port] = address.split(":");
  return { apiEndpoint: host, port: Number(port), sslCreds: credentials.createInsecure() };
}
