import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { RegisterCommand } from "../command.ts";
import { addProjectOptions, type ProjectOptions, projectDirOf, withProject } from "../dataform-project.ts";
import { renderTable } from "../table.ts";

interface WrittenSource {
  readonly source: string;
  readonly columns: number;
  /** Undefined where no model reads a column of it. */
  readonly files?: readonly string[] | undefined;
}

export const register: RegisterCommand = (program, environment) => {
  const command = program.command("sources").description("The tables that a Dataform project reads and does not make");
  addProjectOptions(command.command("draft"))
    .description("Write empty row files for them, with the columns that the project's models read")
    .addHelpText(
      "after",
      "\nThe folder is --sources (default: sources in the project). A source that has columns already, by a file in the folder, by the project or in the warehouse, is left alone, and no file is\noverwritten. Types are what the models' use of a column allows, beginning with what its name suggests: look them over.\n",
    )
    .action(async (options: ProjectOptions) => {
      const { draftSources } = await import("../../warehouse/dataform/draft-sources.ts");
      const { schemaOf } = await import("../../warehouse/duckdb/source-files.ts");
      const world = environment();
      const dir =
        options.sources === undefined
          ? join(projectDirOf(options, world.cwd), "sources")
          : resolve(world.cwd, options.sources);
      const { sources: _, ...rest } = options;
      const given = existsSync(dir) ? { ...rest, sources: dir } : rest;
      await withProject(world, given, async ({ graph, columnsOf }) => {
        const known = new Map<string, NonNullable<Awaited<ReturnType<typeof columnsOf>>>>();
        for (const { id, kind, target } of graph.actions) {
          const columns = kind === "declaration" ? await columnsOf(target) : undefined;
          if (columns !== undefined) known.set(id, columns);
        }
        const draft = draftSources(graph, known);
        const written: WrittenSource[] = [];
        for (const { id, target, columns } of draft.sources) {
          if (columns.length === 0) {
            written.push({ source: id, columns: 0 });
            continue;
          }
          await mkdir(dir, { recursive: true });
          const stem = join(dir, `${target.schema}.${target.name}`);
          const texts: [string, string][] = [
            [`${stem}.schema.json`, `${JSON.stringify(schemaOf(columns), undefined, 2)}\n`],
          ];
          if (columns.every(({ type }) => /^\w+$/.test(type)))
            texts.push([`${stem}.csv`, `${columns.map(({ name }) => name).join(",")}\n`]);
          const files: string[] = [];
          for (const [path, text] of texts) if (await writeNew(path, text)) files.push(path);
          written.push({ source: id, columns: columns.length, files });
        }
        const result = { dir, written, leftAlone: [...known.keys()], notUnderstood: draft.notUnderstood };
        world.console.result(result, () => render(result));
      });
    });
};

/** Writes a file unless there is one. */
async function writeNew(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function render(result: {
  readonly dir: string;
  readonly written: readonly WrittenSource[];
  readonly leftAlone: readonly string[];
  readonly notUnderstood: readonly {
    readonly id: string;
    readonly message: string;
    readonly where?: string | undefined;
  }[];
}): string {
  const { dir, written, leftAlone, notUnderstood } = result;
  const table = renderTable(
    [{ title: "source" }, { title: "columns", align: "right" }, { title: "file" }],
    written.map(({ source, columns, files }) => [
      source,
      String(columns),
      files === undefined ? "none: no model names a column of it" : (files.at(-1) ?? "there already"),
    ]),
  );
  return [
    ...(written.length > 0 ? [table] : []),
    ...(leftAlone.length > 0 ? [`left alone, as their columns are known: ${leftAlone.join(", ")}`] : []),
    ...notUnderstood.map(
      ({ id, message, where }) =>
        `${id} was not understood to its end, so columns may be missing: ${message}${where ? ` (${where})` : ""}`,
    ),
    `next:  inboxloop parity --sources ${dir}`,
  ].join("\n");
}
