/** What the trainer asks of a bucket. Uris are gs://bucket/path. */
export interface ObjectStore {
  /** Names under a prefix, relative to it. */
  list(prefix: string): Promise<readonly string[]>;
  download(uri: string, path: string): Promise<void>;
  /** undefined when there is no such object. */
  readText(uri: string): Promise<string | undefined>;
  /** Uploads a file; with `ifAbsent`, one that is there already is kept and "kept" is returned. */
  upload(path: string, uri: string, options?: { readonly ifAbsent?: boolean }): Promise<"written" | "kept">;
}

/** Bucket and object of a gs:// uri. */
export function partsOf(uri: string): { readonly bucket: string; readonly name: string } {
  const match = /^gs:\/\/([^/]+)\/(.+)$/.exec(uri);
  if (!match) throw new TypeError(`not a gs:// uri: ${uri}`);
  return { bucket: match[1] as string, name: match[2] as string };
}

const hasCode = (error: unknown, code: number): boolean => (error as { code?: unknown }).code === code;

/** The store over Google Cloud Storage, with the application's default credentials. */
export async function cloudStorage(
  options: { readonly apiEndpoint?: string; readonly projectId?: string } = {},
): Promise<ObjectStore> {
  const { Storage } = await import("@google-cloud/storage");
  const storage = new Storage(options);
  const file = (uri: string) => {
    const { bucket, name } = partsOf(uri);
    return storage.bucket(bucket).file(name);
  };
  return {
    async list(prefix) {
      const { bucket, name } = partsOf(`${prefix.replace(/\/$/, "")}/`);
      const [files] = await storage.bucket(bucket).getFiles({ prefix: name });
      return files.map((f) => f.name.slice(name.length)).filter((n) => n !== "");
    },
    async download(uri, path) {
      await file(uri).download({ destination: path });
    },
    async readText(uri) {
      try {
        const [bytes] = await file(uri).download();
        return bytes.toString("utf8");
      } catch (error) {
        if (hasCode(error, 404)) return undefined;
        throw error;
      }
    },
    async upload(path, uri, { ifAbsent = false } = {}) {
      const { bucket, name } = partsOf(uri);
      try {
        await storage.bucket(bucket).upload(path, {
          destination: name,
          ...(ifAbsent && { preconditionOpts: { ifGenerationMatch: 0 } }),
        });
        return "written";
      } catch (error) {
        if (ifAbsent && hasCode(error, 412)) return "kept";
        throw error;
      }
    },
  };
}

/** Single files in a bucket, for who hands something over rather than keeps it. Uris are gs://bucket/path. */
export interface CloudFiles {
  /** The whole of it from memory, never by way of a file on this machine. */
  write(uri: string, content: string): Promise<void>;
  exists(uri: string): Promise<boolean>;
}

export async function cloudFiles(options: { readonly apiEndpoint?: string } = {}): Promise<CloudFiles> {
  const { Storage } = await import("@google-cloud/storage");
  const storage = new Storage(options);
  const file = (uri: string) => {
    const { bucket, name } = partsOf(uri);
    return storage.bucket(bucket).file(name);
  };
  return {
    write: (uri, content) => file(uri).save(content, { resumable: false }),
    async exists(uri) {
      const [isThere] = await file(uri).exists();
      return isThere;
    },
  };
}
