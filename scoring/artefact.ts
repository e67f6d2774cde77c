import { createHash } from "node:crypto";
import { join } from "node:path";
import { readHomeFile } from "../platform/home-files.ts";
import type { Model } from "./model.ts";
import { digestOf } from "./model-record.ts";

/**
 * SHA-256 over everything that a version's folder decides with: the record as it stands and the bytes of every forest or graph, read now. Unlike the model's
 * digest, which says what was learned, this one changes when any byte is swapped; it is what people approve. A file that is gone counts as
 * such, so that it differs too. Of what the files hold: sealing a home changes no model.
 */
export async function artefactDigest(model: Model): Promise<string> {
  const files = model.record.outcomes.flatMap((o) => (o.model.kind === "constant" ? [] : [o.model.file])).sort();
  const bytes = await Promise.all(
    files.map(async (file) => [file, await sha256Of(join(model.path, file)).catch(() => "missing")]),
  );
  return digestOf({ record: model.record, files: bytes });
}

const sha256Of = async (path: string): Promise<string> =>
  createHash("sha256")
    .update(await readHomeFile(path))
    .digest("hex");
