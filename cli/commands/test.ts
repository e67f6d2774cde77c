import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { exitCodes } from "../../errors/user-error.ts";
import type { TestOutcome, TestRun } from "../../warehouse/dataform/testing/outcome.ts";
import type { QueryResult } from "../../warehouse/warehouse.ts";
import type { RegisterCommand } from "../command.ts";
import {
  addProjectOptions,
  addSelectionOptions,
  type ProjectOptions,
  projectDirOf,
  varsOf,
} from "../dataform-project.ts";
import { durationText } from "../table.ts";

interface TestCommandOptions extends ProjectOptions {
  readonly kind?: TestOutcome["kind"];
  readonly seed: string;
  readonly watch?: boolean;
  readonly verbose?: boolean;
}

interface NewTestOptions extends ProjectOptions {
  readonly name: string;
  readonly rows: string;
}

export const register: RegisterCommand = (program, environment) => {
  const command = program
    .command("test")
    .description("Run the project's model tests: Dataform unit tests, row files, and the properties of incrementals");
  addSelectionOptions(addProjectOptions(command))
    .addOption(new Option("--kind <kind>", "only tests of this kind").choices(["dataform", "rows", "property"]))
    .option("--seed <number>", "for the rows that properties are checked on", "20260310")
    .option("--watch", "run again whenever the project or its tests change")
    .option("--verbose", "name the tests that passed, too")
    .addHelpText(
      "after",
      "\nRow files: tests/models/<model>/<case>/{inputs,expect,vars,prior,batches}.yaml. Exit code 4 when a test fails.\n",
    )
    .action(async (options: TestCommandOptions) => {
      const world = environment();
      const { runTests } = await import("../../warehouse/dataform/testing/run-tests.ts");
      // DuckDB takes a while to load: the compiler, another process, is on its way meanwhile.
      const openBench = async () => (await import("../../warehouse/duckdb/bench-warehouse.ts")).openBench();
      const projectDir = projectDirOf(options, world.cwd);
      const ownRows = options.sources === undefined ? undefined : await rowsOf(resolve(world.cwd, options.sources));
      const run = (select: readonly string[] | undefined) =>
        runTests({
          projectDir,
          select,
          tags: options.tags,
          includeDeps: options.includeDeps,
          vars: varsOf(options),
          cacheDir: `${world.home.state}/compiled`,
          openBench,
          clock: () => performance.now(),
          seed: Number(options.seed),
          ownRows,
          kinds: options.kind === undefined ? undefined : [options.kind],
          signal: world.signal,
        });
      if (options.watch === true) {
        const { watchTests } = await import("../watch-tests.ts");
        await watchTests({
          projectDir,
          world,
          run: () => run(options.select),
          render: (result) => renderTests(result, options.verbose === true),
        });
        return;
      }
      const result = await run(options.select);
      world.console.result(result, () => renderTests(result, options.verbose === true));
      if (result.failed > 0) process.exitCode = exitCodes.check;
    });

  addProjectOptions(command.command("new <model>"))
    .description("Write a row-file test for a model from rows that the warehouse holds now")
    .option("--name <case>", "the case's folder", "current_rows")
    .option("--rows <count>", "how many rows of the first input to start from", "5")
    .action(async (model: string, _own: unknown, self: Command) => {
      // `test` has the same options, and takes them wherever they stand.
      const options = self.optsWithGlobals<NewTestOptions>();
      const world = environment();
      const { writeCase } = await import("../../warehouse/dataform/testing/write-case.ts");
      const { openBench } = await import("../../warehouse/duckdb/bench-warehouse.ts");
      const projectDir = projectDirOf(options, world.cwd);
      const engine = await world.target.openEngine({ projectDir, sources: options.sources });
      try {
        const written = await writeCase({
          projectDir,
          model,
          name: options.name,
          rows: Number(options.rows),
          vars: varsOf(options),
          cacheDir: `${world.home.state}/compiled`,
          from: engine.warehouse,
          openBench,
        });
        world.console.result(
          written,
          () =>
            `wrote ${written.dir}: ${written.inputRows} rows in, ${written.expectedRows} rows out\nnext:  inboxloop test --select ${model}`,
        );
      } finally {
        await engine.close();
      }
    });
};

/** At most so many rows of a source take part in the properties: they are about how rows meet, not about how many there are. */
const mostRows = 300;

/** Rows of a `--sources` folder by table name, in the order of the files. */
async function rowsOf(dir: string): Promise<ReadonlyMap<string, QueryResult>> {
  const { openDuckDbWarehouse } = await import("../../warehouse/duckdb/adapter.ts");
  const { readSourceFeeds } = await import("../../warehouse/duckdb/source-files.ts");
  const { feedSources } = await import("../../warehouse/duckdb/feed-sources.ts");
  const warehouse = await openDuckDbWarehouse({ path: ":memory:", directories: [dir] });
  try {
    const feeds = await readSourceFeeds(dir);
    await feedSources(warehouse.lane, feeds);
    const found = new Map<string, QueryResult>();
    for (const { schema, name } of feeds) {
      found.set(`${schema}.${name}`, await warehouse.query(`select * from \`${schema}.${name}\` limit ${mostRows}`));
    }
    return found;
  } finally {
    await warehouse.close();
  }
}

/** What failed, in full, then the count. */
export function renderTests(run: TestRun, isVerbose: boolean): string {
  const lines: string[] = [];
  for (const outcome of run.outcomes) {
    if (outcome.passed) {
      if (isVerbose) lines.push(`ok      ${outcome.name} (${durationText(outcome.ms)})`);
      continue;
    }
    lines.push(
      `FAILED  ${outcome.name}`,
      `        ${outcome.file}`,
      ...(outcome.message ?? "").split("\n").map((line) => `        ${line}`),
      "",
    );
  }
  if (lines.length > 0 && lines.at(-1) !== "") lines.push("");
  const total = run.outcomes.length;
  if (total === 0) return "there are no tests";
  return [...lines, `${run.passed} passed, ${run.failed} failed, in ${durationText(run.ms)}`].join("\n");
}
