import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { QueryResult } from "../../warehouse.ts";
import { type CompiledProject, compileProject } from "../compile.ts";
import { theClock } from "../compiler-boot.ts";
import { readProjectSources, refuseUnknownVars } from "../project-sources.ts";
import { type Selection, selectActions } from "../selection.ts";
import { Bench, type BenchWarehouse, type LearntColumns } from "./bench.ts";
import { type ModelCase, parseYaml, readModelCases, varsFile } from "./case-files.ts";
import { runDataformTest } from "./dataform-tests.ts";
import { columnsOfTarget, readDeclaredColumns } from "./declared-columns.ts";
import { inLanes, type Job } from "./in-lanes.ts";
import type { TestOutcome, TestRun } from "./outcome.ts";
import { checkIncremental } from "./properties.ts";
import { readPropertySettings } from "./property-settings.ts";
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

/**
 * Runs a project's tests on databases in memory: Dataform unit tests, the row files below tests/models, and the properties of
 * every incremental model. `tests/models/vars.yaml` holds vars for all of them, and `now` for all but the properties, which hold
 * the clock still themselves.
 */
export async function runTests(options: TestOptions): Promise<TestRun> {
  const began = options.clock();
  const root = join(options.projectDir, "tests/models");
  const shared = join(root, "vars.yaml");
  const given = existsSync(shared) ? parseYaml(shared, await readFile(shared, "utf8"), varsFile) : { vars: {} };
  const vars = { ...given.vars, ...options.vars };
  const sources = await readProjectSources(options.projectDir, {});
  refuseUnknownVars(sources, given.vars, shared);
  const compile = (more: Readonly<Record<string, string>>, now?: Date) =>
    compileProject({
      now,
      projectDir: options.projectDir,
      vars: { ...vars, ...more },
      cacheDir: options.cacheDir,
      signal: options.signal,
    });
  const cases = readModelCases(root).then((read) =>
    read.map((test): ModelCase => {
      refuseUnknownVars(sources, test.vars, join(test.dir, "vars.yaml"));
      return { ...test, now: test.now ?? given.now };
    }),
  );
  // Cases with vars of their own wait for a second compilation, which need not wait for the first.
  const graphs = new Map<string, Promise<CompiledProject>>();
  const graphOf = (varsText: string): Promise<CompiledProject> => {
    const known = graphs.get(varsText) ?? compile(JSON.parse(varsText) as Record<string, string>);
    known.catch(() => {});
    graphs.set(varsText, known);
    return known;
  };
  /** Where the project's own JavaScript reads the clock, it is compiled with the time that a case says it is. */
  const graphAt = async (varsText: string, now: Date | undefined): Promise<CompiledProject> => {
    const running = await graphOf(varsText);
    if (now === undefined || !running.ambient.includes(theClock)) return running;
    const name = `${varsText} ${now.toISOString()}`;
    const held = graphs.get(name) ?? compile(JSON.parse(varsText) as Record<string, string>, now);
    held.catch(() => {});
    graphs.set(name, held);
    return await held;
  };
  const first = cases.then((read) => read.find((test) => mayBeSelected(test, options)));
  const isRowsOnly = options.kinds?.every((kind) => kind === "rows") ?? false;
  const [project, declared, warehouse] = await Promise.all([
    // What the names mean does not depend on vars: where only row files are run, the graph of the first one says it too.
    first.then((test) => {
      const own = test === undefined ? "{}" : varsTextOf(test);
      const ahead = graphOf(own);
      return isRowsOnly ? ahead : graphAt("{}", given.now);
    }),
    readDeclaredColumns(options.projectDir),
    options.openBench(),
  ]);
  const stated = await readPropertySettings(root, project.graph);
  const own = options.ownRows ?? new Map<string, QueryResult>();
  const rowsById = new Map(
    project.graph.actions.flatMap(({ id, target }) => {
      const found = own.get(`${target.schema}.${target.name}`);
      return found === undefined ? [] : [[id, found.rows] as const];
    }),
  );
  const learnt: LearntColumns = new Map();
  const openPlace = async (on: BenchWarehouse): Promise<Place> => ({
    warehouse: on,
    bench: new Bench(
      on,
      (target) => columnsOfTarget(declared, target) ?? own.get(`${target.schema}.${target.name}`)?.columns,
      learnt,
    ),
  });
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
  const turnTo = async ({ bench }: Place, varsText: string, now?: Date): Promise<void> => {
    const { graph, digest } = await graphAt(varsText, now);
    await bench.use(graph, digest, typesFile(digest));
  };

  const jobs: Job<Place, readonly TestOutcome[]>[] = [];
  const outcomes: TestOutcome[][] = [];
  let tests = 0;
  const add = (count: number, work: (place: Place, keep: (outcome: TestOutcome) => void) => Promise<void>): void => {
    tests += count;
    const found: TestOutcome[] = [];
    outcomes.push(found);
    jobs.push(async (place) => {
      await work(place, (outcome) => {
        found.push(outcome);
        options.onOutcome?.(outcome);
        options.signal?.throwIfAborted();
      });
      return found;
    });
  };
  if (wanted.kind("rows")) {
    for (const [varsText, group] of byVarsAndModel((await cases).filter((test) => wanted.model(test.model)))) {
      add(group.length, async (place, keep) => {
        for (const test of group) {
          await turnTo(place, varsText, test.now);
          keep(await runModelCase(place.bench, test, options.clock));
        }
      });
    }
  }
  if (wanted.kind("dataform")) {
    for (const test of project.graph.tests) {
      if (wanted.test(test.name))
        add(1, async (place, keep) => {
          await place.bench.holdStill(given.now);
          keep(
            await runDataformTest(place.warehouse, test, options.clock, given.now !== undefined, project.graph.texts),
          );
        });
    }
  }
  if (wanted.kind("property")) {
    for (const action of project.graph.actions) {
      if (action.kind !== "incremental" || action.disabled || !wanted.id(action.id)) continue;
      add(testsOfProperties, async (place, keep) => {
        await turnTo(place, "{}");
        const checks = { clock: options.clock, seed: options.seed, rows: rowsById, stated };
        for (const outcome of await checkIncremental(place.bench, project.graph, action, checks)) keep(outcome);
      });
    }
  }
  const opened: BenchWarehouse[] = [warehouse];
  try {
    const places = [
      openPlace(warehouse),
      ...(tests > worthASecondPlace
        ? [
            options.openBench().then((another) => {
              opened.push(another);
              return openPlace(another);
            }),
          ]
        : []),
    ];
    await inLanes(jobs, places);
    await mkdir(options.cacheDir, { recursive: true });
    for (const [digest, columns] of learnt) await writeFile(typesFile(digest), JSON.stringify([...columns]));
    const all = outcomes.flat();
    const failed = all.filter((outcome) => !outcome.passed).length;
    return { outcomes: all, failed, passed: all.length - failed, ms: options.clock() - began };
  } finally {
    for (const one of opened) await one.close();
  }
}

/** Where tests run: a database of their own, and what is laid out in it. */
interface Place {
  readonly warehouse: BenchWarehouse;
  readonly bench: Bench;
}

/** With fewer tests than this, a second database costs more than it saves. */
const worthASecondPlace = 6;

/** What the properties of one model take, in row tests. */
const testsOfProperties = 4;

/** Cases that one place takes at once: so few that no place is idle for long, so many that a model is rarely laid out anew. */
const casesAtOnce = 16;

const varsTextOf = ({ vars }: ModelCase): string =>
  JSON.stringify(Object.fromEntries(Object.entries(vars).sort(([a], [b]) => (a < b ? -1 : 1))));

/** By its name alone, before the project is compiled. */
const mayBeSelected = ({ model }: ModelCase, { select = [], tags = [] }: Selection): boolean =>
  select.length + tags.length === 0 || select.some((wanted) => wanted.includes(model));

/**
 * Cases of the same vars and model together, so that each graph is compiled once and each model laid out once; those without vars
 * of their own first.
 */
function byVarsAndModel(cases: readonly ModelCase[]): readonly (readonly [string, readonly ModelCase[]])[] {
  const groups = new Map<string, Map<string, ModelCase[]>>([["{}", new Map()]]);
  for (const test of cases) {
    const text = varsTextOf(test);
    const models = groups.get(text) ?? new Map<string, ModelCase[]>();
    groups.set(text, models);
    models.set(test.model, [...(models.get(test.model) ?? []), test]);
  }
  return [...groups].flatMap(([text, models]) =>
    [...models.values()].flatMap((group) =>
      Array.from(
        { length: Math.ceil(group.length / casesAtOnce) },
        (_, i) => [text, group.slice(i * casesAtOnce, (i + 1) * casesAtOnce)] as const,
      ),
    ),
  );
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
