import { join } from "node:path";
import { fileSha256 } from "../platform/files.ts";
import type { Model } from "./model.ts";
import { digestOf } from "./model-record.ts";

/**
 * SHA-256 over everything that a version's folder decides with: the record as it stands and the bytes of every forest or graph, read now. Unlike the model's
 * digest, which says what was learned, this one changes when any byte is swapped; it is what people approve. A file that is gone counts as
 * such, so that it differs too.
 */
export async function artefactDigest(model: Model): Promise<string> {
  const files = model.record.outcomes.flatMap((o) => (o.model.kind === "constant" ? [] : [o.model.file])).sort();
  const bytes = await Promise.all(
    files.map(async (file) => [file, await fileSha256(join(model.path, file)).catch(() => "missing")]),
  );
  return digestOf({ record: model.record, files: bytes });
}
