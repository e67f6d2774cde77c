import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { parseJsonText } from "../sources/webhook.ts";

export type ApiBody =
  | { readonly kind: "records"; readonly records: readonly Buffer[] }
  | { readonly kind: "refused"; readonly status: 400 | 413 | 415; readonly error: string };

const refused = (status: 400 | 413 | 415, error: string): ApiBody => ({ kind: "refused", status, error });
const unpack = promisify(gunzip);

export interface ApiLimits {
  readonly unpackedBytes: number;
  readonly recordsPerCall: number;
}

/**
 * The records of a call to /v1/events, each as its own bytes: one JSON object, an array of them, or a line each
 * (`application/x-ndjson`, or lines that are not one document). gzip is unpacked up to a limit.
 */
export async function readApiBody(
  body: Buffer,
  headers: Readonly<Record<string, string | undefined>>,
  limits: ApiLimits,
): Promise<ApiBody> {
  const encoding = (headers["content-encoding"] ?? "identity").toLowerCase();
  let bytes = body;
  if (encoding === "gzip") {
    try {
      bytes = (await unpack(body, { maxOutputLength: limits.unpackedBytes })) as Buffer;
    } catch (error) {
      return (error as { code?: string }).code === "ERR_BUFFER_TOO_LARGE"
        ? refused(413, "too-large")
        : refused(400, "malformed-gzip");
    }
  } else if (encoding !== "identity") return refused(415, "unknown-encoding");
  const records = recordsOf(bytes, /ndjson|jsonl|json-?lines/i.test(headers["content-type"] ?? ""));
  if (!records) return refused(400, "malformed-json");
  if (records.length === 0) return refused(400, "empty");
  if (records.length > limits.recordsPerCall) return refused(413, "too-many-records");
  return { kind: "records", records };
}

function recordsOf(bytes: Buffer, isLines: boolean): readonly Buffer[] | undefined {
  if (!isLines) {
    const parsed = parseJsonText(bytes.toString("utf8"));
    if (parsed.kind === "value") {
      if (!Array.isArray(parsed.value)) return [bytes];
      return parsed.value.map((one) => Buffer.from(JSON.stringify(one)));
    }
  }
  const lines = linesOf(bytes);
  // Lines that no one said were lines: the first one must be a record, or the body is simply broken.
  if (!isLines && (lines.length < 2 || parseJsonText(lines[0]!.toString("utf8")).kind !== "value")) return undefined;
  return lines;
}

function linesOf(bytes: Buffer): readonly Buffer[] {
  const lines: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(10, at);
    const line = bytes.subarray(at, end < 0 ? bytes.length : end);
    if (line.some((byte) => byte > 32)) lines.push(line);
    at = end < 0 ? bytes.length : end + 1;
  }
  return lines;
}
