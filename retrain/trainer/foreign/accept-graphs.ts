import { createHash } from "node:crypto";
import { lstat, readFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../../errors/user-error.ts";
import type { OnnxGraph, OnnxShape } from "../../../scoring/onnx-session.ts";
import type { Feature, Outcome } from "../learning-set.ts";
import { type ForeignManifest, foreignManifest } from "./manifest.ts";

const refuse = (why: string, where: string): UserError =>
  new UserError(`the trainer's output is not taken: ${why}`, {
    code: "train.manifest",
    exit: "check",
    where,
    next: "docs/cookbooks/your-own-trainer.md says what a trainer writes",
  });

/** The bytes of a file that the trainer wrote; a link is none. */
async function plainFile(folder: string, name: string, most: number): Promise<Buffer> {
  const path = join(folder, name);
  const found = await lstat(path).catch(() => undefined);
  if (!found?.isFile()) throw refuse(`there is no file ${name}`, folder);
  if (found.size === 0 || found.size > most)
    throw refuse(`${name} has ${found.size} bytes; at most ${most} are taken`, path);
  return readFile(path);
}

const manifestBytes = 4_000_000;

/** Reads and checks what a trainer wrote: its manifest, and that it speaks of the outcomes and features that were asked for. */
export async function readManifest(
  folder: string,
  outcomes: readonly Outcome[],
  features: readonly Feature[],
): Promise<ForeignManifest> {
  const text = (await plainFile(folder, "manifest.json", manifestBytes)).toString();
  const where = join(folder, "manifest.json");
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    throw refuse("manifest.json is no JSON", where);
  }
  const parsed = foreignManifest.safeParse(data);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw refuse(`${issue?.path.join(".") || "the manifest"}: ${issue?.message}`, where);
  }
  const manifest = parsed.data;
  const asked = outcomes.map(({ name }) => name);
  const missing = asked.find((name) => manifest.outcomes[name] === undefined);
  if (missing !== undefined) throw refuse(`it says nothing of the outcome ${missing}`, where);
  const extra = Object.keys(manifest.outcomes).find((name) => !asked.includes(name));
  if (extra !== undefined) throw refuse(`nobody asked for the outcome ${extra}`, where);
  const typeOf = new Map(features.map(({ name, type }) => [name, type]));
  for (const [name, learned] of Object.entries(manifest.outcomes)) {
    if (!("file" in learned)) continue;
    const columns = learned.input.columns;
    const odd = columns.find((column) => typeOf.get(column.name) !== column.type);
    if (odd) throw refuse(`${name}: ${odd.name} is no feature of type ${odd.type} that it was given`, where);
    if (new Set(columns.map((column) => column.name)).size !== columns.length)
      throw refuse(`${name}: a feature stands twice among its columns`, where);
  }
  return manifest;
}

/** A graph with the name that it gets in the model's folder. */
export interface ForeignGraph extends OnnxGraph {
  readonly file: string;
  readonly sha256: string;
}

/** The graphs of a manifest, by outcome. */
export async function readGraphs(
  folder: string,
  manifest: ForeignManifest,
  most: number,
): Promise<readonly ForeignGraph[]> {
  const graphs: ForeignGraph[] = [];
  for (const [outcome, learned] of Object.entries(manifest.outcomes)) {
    if (!("file" in learned)) continue;
    const bytes = await plainFile(folder, learned.file, most);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    graphs.push({ outcome, bytes, file: `${outcome}.onnx`, sha256 });
  }
  return graphs;
}

/** Refuses a graph whose inputs and outputs are not those of the manifest: one input, a matrix of 32-bit floats as wide as its columns. */
export function refuseOtherShapes(manifest: ForeignManifest, shapes: readonly OnnxShape[], where: string): void {
  for (const { outcome, inputs, outputs } of shapes) {
    const learned = manifest.outcomes[outcome];
    if (!learned || !("file" in learned)) continue;
    const { input, output } = learned;
    const [first, ...others] = inputs;
    if (first?.name !== input.name || others.length > 0)
      throw refuse(
        `${outcome}: the graph takes ${inputs.map(({ name }) => name).join(", ")}, the manifest says ${input.name}`,
        where,
      );
    if (first.type !== null && first.type !== "float32")
      throw refuse(`${outcome}: the graph takes ${first.type}, not float32`, where);
    const width = first.shape?.[1];
    if (
      first.shape !== null &&
      (first.shape.length !== 2 || (typeof width === "number" && width > 0 && width !== input.columns.length))
    )
      throw refuse(
        `${outcome}: the graph takes [${first.shape.join(", ")}], the manifest names ${input.columns.length} columns`,
        where,
      );
    if (!outputs.includes(output.name))
      throw refuse(`${outcome}: the graph gives ${outputs.join(", ")}, the manifest says ${output.name}`, where);
  }
}
