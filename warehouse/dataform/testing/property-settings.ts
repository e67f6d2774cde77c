import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../../../errors/user-error.ts";
import type { Graph } from "../graph.ts";
import { parseYaml } from "./case-files.ts";

/** What a project says of its tables, for the properties of incremental models. */
export interface PropertySettings {
  /** The column that says when a row of a source arrived, by the source's id. */
  readonly arrival: ReadonlyMap<string, string>;
  /** Columns that say when, or by which run, a row was written, by the model's id: they are not compared. */
  readonly audit: ReadonlyMap<string, readonly string[]>;
}

export const noPropertySettings: PropertySettings = { arrival: new Map(), audit: new Map() };

/** The file's name, below tests/models. */
export const propertiesFile = "properties.yaml";

const settings = z.preprocess(
  (value) => value ?? {},
  z.record(z.string(), z.strictObject({ arrival: z.string().optional(), audit: z.array(z.string()).optional() })),
);

/** Reads `<root>/properties.yaml`, `dataset.table: { arrival: column, audit: [column] }`. A table that the project has not is refused. */
export async function readPropertySettings(root: string, graph: Graph): Promise<PropertySettings> {
  const file = join(root, propertiesFile);
  if (!existsSync(file)) return noPropertySettings;
  const arrival = new Map<string, string>();
  const audit = new Map<string, readonly string[]>();
  for (const [name, found] of Object.entries(parseYaml(file, await readFile(file, "utf8"), settings))) {
    const action = graph.actions.find(
      ({ id, target }) => id === name || target.name === name || `${target.schema}.${target.name}` === name,
    );
    if (action === undefined) {
      throw new UserError(`the project has no table called "${name}"`, {
        code: "test.table",
        exit: "config",
        where: file,
      });
    }
    if (found.arrival !== undefined) arrival.set(action.id, found.arrival);
    if (found.audit !== undefined) audit.set(action.id, found.audit);
  }
  return { arrival, audit };
}
