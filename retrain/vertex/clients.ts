import type { protos } from "@google-cloud/aiplatform";

type Job = protos.google.cloud.aiplatform.v1.ICustomJob;
type UploadedModel = protos.google.cloud.aiplatform.v1.IUploadModelResponse;
type CreateJob = protos.google.cloud.aiplatform.v1.ICreateCustomJobRequest;
type UploadModel = protos.google.cloud.aiplatform.v1.IUploadModelRequest;

/** The calls of Vertex AI that we make. */
export interface VertexClients {
  createJob(request: CreateJob): Promise<Job>;
  getJob(name: string): Promise<Job>;
  cancelJob(name: string): Promise<void>;
  /** Whether a model of that resource name is registered. */
  hasModel(name: string): Promise<boolean>;
  /** Waits for the operation to end. */
  uploadModel(request: UploadModel): Promise<UploadedModel>;
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
  const { JobServiceClient, ModelServiceClient } = (await import("@google-cloud/aiplatform")).v1;
  const settings = { apiEndpoint: `${region}-aiplatform.googleapis.com`, ...options };
  const jobs = new JobServiceClient(settings);
  const models = new ModelServiceClient(settings);
  // Following a job is our own loop: a call that fails comes back at once and is classified there.
  const once = { retry: null as never };
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
    async hasModel(name) {
      try {
        await models.getModel({ name }, once);
        return true;
      } catch (error) {
        if ((error as { code?: unknown }).code === notFound) return false;
        throw error;
      }
    },
    async uploadModel(request) {
      const [operation] = await models.uploadModel(request, once);
      const [uploaded] = await operation.promise();
      return uploaded;
    },
    async close() {
      await Promise.all([jobs.close(), models.close()]);
    },
  };
}
