import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { QueryResult } from "../../warehouse.ts";
import { type CompiledProject, compileProject } from "../compile.ts";
import { type Selection, selectActions } from "../selection.ts";
import { Bench, type BenchWarehouse } from "./bench.ts";
import { type ModelCase, parseYaml, readModelCases } from "./case-files.ts";
import { runDataformTest } from "./dataform-tests.ts";
import { columnsOfTarget, readDeclaredColumns } from "./declared-columns.ts";
import type { TestOutcome, TestRun } from "./outcome.ts";
import { checkIncremental } from "./properties.ts";
import { runModelCase } from "./row-tests.ts";

export interface TestOptions extends Selection {
  readonly projectDir: string;
  /** Overrides of vars for every test; a case's own vars.yaml still wins. */
  readonly vars?: Readonly<Record<string, string>> | undefined;
  readonly cacheDir: string;
  readonly openBench: () => Promise<BenchWarehouse>;
  /** Milliseconds from anywhere, for how long tests take. */
  readonly clock: () => number;
  readonly seed: number;
  /** A project's own rows for the properties, by `schema.name`, in order of arrival; made-up ones where there are none. */
  readonly ownRows?: ReadonlyMap<string, QueryResult> | undefined;
  readonly kinds?: readonly TestOutcome["kind"][] | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onOutcome?: ((outcome: TestOutcome) => void) | undefined;
}

const varsFile = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.bigint()]).transform(String));

/**
 * Runs a project's tests on one database in memory: Dataform unit tests, the row files below tests/models, and the properties of
 * every incremental model. `tests/models/vars.yaml` holds vars for all of them, the frozen time first.
 */
export async function runTests(options: TestOptions): Promise<TestRun> {
  const began = options.clock();
  const root = join(options.projectDir, "tests/models");
  const shared = join(root, "vars.yaml");
  const vars = {
    ...(existsSync(shared) ? parseYaml(shared, await readFile(shared, "utf8"), varsFile) : {}),
    ...options.vars,
  };
  const compile = (more: Readonly<Record<string, string>>) =>
    compileProject({
      projectDir: options.projectDir,
      vars: { ...vars, ...more },
      cacheDir: options.cacheDir,
      signal: options.signal,
    });
  const [project, cases, declared, warehouse] = await Promise.all([
    compile({}),
    readModelCases(root),
    readDeclaredColumns(options.projectDir),
    options.openBench(),
  ]);
  try {
    const own = options.ownRows ?? new Map<string, QueryResult>();
    const bench = new Bench(
      warehouse,
      (target) => columnsOfTarget(declared, target) ?? own.get(`${target.schema}.${target.name}`)?.columns,
    );
    const rowsById = new Map(
      project.graph.actions.flatMap(({ id, target }) => {
        const found = own.get(`${target.schema}.${target.name}`);
        return found === undefined ? [] : [[id, found.rows] as const];
      }),
    );
    const outcomes: TestOutcome[] = [];
    const keep = (outcome: TestOutcome) => {
      outcomes.push(outcome);
      options.onOutcome?.(outcome);
      options.signal?.throwIfAborted();
    };
    const wanted = wantedBy(project, options);
    const typesFile = (digest: string) =>
      join(
        options.cacheDir,
        `columns-${createHash("sha256")
          .update(digest)
          .update(JSON.stringify([...declared]))
          .digest("hex")
          .slice(0, 32)}.json`,
      );
    const turnTo = async (to: CompiledProject): Promise<() => Promise<void>> => {
      await bench.use(to.graph, to.digest, typesFile(to.digest));
      return () => bench.save(typesFile(to.digest));
    };

    if (wanted.kind("rows")) {
      for (const [varsText, group] of byVars(cases.filter((test) => wanted.model(test.model)))) {
        const compiled = varsText === "{}" ? project : await compile(JSON.parse(varsText) as Record<string, string>);
        const save = await turnTo(compiled);
        for (const test of group) keep(await runModelCase(bench, test, options.clock));
        await save();
      }
    }
    if (wanted.kind("dataform")) {
      for (const test of project.graph.tests) {
        if (wanted.test(test.name)) keep(await runDataformTest(warehouse, test, options.clock));
      }
    }
    if (wanted.kind("property")) {
      const save = await turnTo(project);
      for (const action of project.graph.actions) {
        if (action.kind !== "incremental" || action.disabled || !wanted.id(action.id)) continue;
        const checked = await checkIncremental(bench, project.graph, action, {
          clock: options.clock,
          seed: options.seed,
          rows: rowsById,
        });
        for (const outcome of checked) keep(outcome);
      }
      await save();
    }
    const failed = outcomes.filter((outcome) => !outcome.passed).length;
    return { outcomes, failed, passed: outcomes.length - failed, ms: options.clock() - began };
  } finally {
    await warehouse.close();
  }
}

/** Cases of the same vars together, so that each graph is compiled and laid out once; those without vars of their own first. */
function byVars(cases: readonly ModelCase[]): readonly (readonly [string, readonly ModelCase[]])[] {
  const groups = new Map<string, ModelCase[]>([["{}", []]]);
  for (const test of cases) {
    const text = JSON.stringify(Object.fromEntries(Object.entries(test.vars).sort(([a], [b]) => (a < b ? -1 : 1))));
    const known = groups.get(text);
    if (known === undefined) groups.set(text, [test]);
    else known.push(test);
  }
  return [...groups].filter(([, group]) => group.length > 0);
}

function wantedBy({ graph }: CompiledProject, options: TestOptions) {
  const isAll = (options.select ?? []).length + (options.tags ?? []).length === 0;
  const ids = isAll ? undefined : selectActions(graph, options);
  const names = new Set(
    graph.actions.flatMap(({ id, target }) =>
      ids === undefined || ids.has(id) ? [id, target.name, `${target.schema}.${target.name}`] : [],
    ),
  );
  return {
    kind: (kind: TestOutcome["kind"]) => options.kinds === undefined || options.kinds.includes(kind),
    id: (id: string) => ids === undefined || ids.has(id),
    /** A folder that names no model is run too, and then says so. */
    model: (name: string) => isAll || names.has(name),
    /** Dataform does not say which model a test is about; by our convention its name begins with the model's. */
    test: (name: string) =>
      isAll ||
      names.has(name) ||
      names.has(name.split("__").slice(0, -1).join("__")) ||
      names.has(name.split("__")[0]!),
  };
}
