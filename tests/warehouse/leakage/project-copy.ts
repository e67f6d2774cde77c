import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type CheckedProject, checkProject } from "../../../warehouse/dataform/leakage/check-project.ts";

export const projectDir = resolve(import.meta.dirname, "../../..");

/** One change to a file of the copy. */
export interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** Checks a copy of the project with changes to its files, and more files beside them. */
export async function checkCopy(
  edits: readonly Edit[],
  more: ReadonlyMap<string, string> = new Map(),
): Promise<CheckedProject> {
  const dir = await mkdtemp(join(tmpdir(), "inboxloop-test-"));
  try {
    for (const one of ["definitions", "includes"]) await cp(join(projectDir, one), join(dir, one), { recursive: true });
    for (const one of ["dataform.json", "package.json"]) await cp(join(projectDir, one), join(dir, one));
    for (const { file, from, to } of edits) {
      const text = await readFile(join(dir, file), "utf8");
      if (!text.includes(from)) throw new Error(`${file} is not what this test takes it for: it has no ${from}`);
      await writeFile(join(dir, file), text.replaceAll(from, to));
    }
    for (const [file, text] of more) await writeFile(join(dir, file), text);
    return await checkProject({ projectDir: dir, cacheDir: join(dir, ".compiled") });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** The models of the corpus, as files of a project; a file is called after what is wrong with it, or what is right. */
export async function corpus(kind: "leaky" | "clean"): Promise<ReadonlyMap<string, string>> {
  const folder = join(import.meta.dirname, "corpus", kind);
  const found = new Map<string, string>();
  for (const name of (await readdir(folder)).sort())
    found.set(`definitions/features/${kind}__${name}`, await readFile(join(folder, name), "utf8"));
  return found;
}
