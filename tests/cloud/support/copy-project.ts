import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { layCompilerInto } from "../../../warehouse/dataform/compiler-process.ts";
import { root } from "./run-node.ts";

/** This project's files for another project of BigQuery, with the compiler beside them, as Dataform's CLI wants a project to be. */
export async function copyProject(to: string, database: string): Promise<string> {
  await mkdir(to, { recursive: true });
  for (const name of ["definitions", "includes"]) await cp(join(root, name), join(to, name), { recursive: true });
  const settings = JSON.parse(await readFile(join(root, "dataform.json"), "utf8")) as object;
  await writeFile(join(to, "dataform.json"), JSON.stringify({ ...settings, defaultDatabase: database }));
  await layCompilerInto(to);
  return to;
}
