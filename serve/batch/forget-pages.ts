import { readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { readHomeText, writeWhole } from "../../platform/home-files.ts";
import { pageFiles } from "./pages.ts";

/** A page of a batch that was stopped before it landed, and how many of its decisions are about the people asked for. */
export interface PageOfPeople {
  /** Below the folder of runs. */
  readonly page: string;
  readonly decisions: number;
}

async function pagesBelow(runs: string): Promise<readonly string[]> {
  const folders = await readdir(runs, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const pages: string[] = [];
  for (const folder of folders.filter((entry) => entry.isDirectory()).map(({ name }) => join(runs, name)))
    pages.push(...(await pageFiles(folder)).map((page) => join(folder, page)));
  return pages.sort();
}

/** Whether a line of a page is about one of them. One that cannot be read is, if an id stands in it: it would not land anyhow. */
function isAbout(line: string, ids: ReadonlySet<string>): boolean {
  try {
    return ids.has(String((JSON.parse(line) as { readonly user_id_hash?: unknown }).user_id_hash));
  } catch {
    return [...ids].some((id) => line.includes(id));
  }
}

async function linesOf(page: string): Promise<readonly string[]> {
  return (await readHomeText(page)).split("\n").filter((line) => line !== "");
}

/** Where pages that wait to land hold decisions about some people. */
export async function findInPages(runs: string, ids: readonly string[]): Promise<readonly PageOfPeople[]> {
  const wanted = new Set(ids);
  const found: PageOfPeople[] = [];
  for (const page of await pagesBelow(runs)) {
    const decisions = (await linesOf(page)).filter((line) => isAbout(line, wanted)).length;
    if (decisions > 0) found.push({ page: relative(runs, page), decisions });
  }
  return found;
}

/** Takes people's decisions out of pages that wait to land. A run that goes on afterwards decides for everybody else as it would have. */
export async function forgetPages(runs: string, ids: readonly string[], fault: (point: string) => void): Promise<void> {
  const wanted = new Set(ids);
  for (const { page } of await findInPages(runs, ids)) {
    const kept = (await linesOf(join(runs, page))).filter((line) => !isAbout(line, wanted));
    await writeWhole(join(runs, page), kept.map((line) => `${line}\n`).join(""));
    fault("page-rewritten");
  }
}
