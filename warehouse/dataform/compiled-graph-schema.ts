import { z } from "zod";
import type { Action, ColumnDoc, DataformTest, Graph, StorageOptions, TableAction, Target } from "./graph.ts";

const target = z.object({
  database: z.string().optional(),
  schema: z.string().default(""),
  name: z.string(),
});
const texts = z.array(z.string()).default([]);
const descriptor = z
  .object({
    description: z.string().default(""),
    columns: z
      .array(
        z.object({
          path: texts,
          description: z.string().default(""),
          tags: texts,
          bigqueryPolicyTags: texts,
        }),
      )
      .default([]),
    bigqueryLabels: z.record(z.string(), z.string()).default({}),
  })
  .prefault({});
const base = {
  target,
  fileName: z.string().default(""),
  tags: texts,
  dependencyTargets: z.array(target).default([]),
  disabled: z.boolean().default(false),
  actionDescriptor: descriptor,
  jitCode: z.string().optional(),
};
const bigquery = z
  .object({
    partitionBy: z.string().optional(),
    clusterBy: texts,
    updatePartitionFilter: z.string().optional(),
    incrementalPredicates: texts,
    partitionExpirationDays: z.number().optional(),
    requirePartitionFilter: z.boolean().default(false),
    labels: z.record(z.string(), z.string()).default({}),
    additionalOptions: z.record(z.string(), z.string()).default({}),
  })
  .prefault({});

const table = z.object({
  ...base,
  // Core 2.0 and before say it by a word alone.
  enumType: z.enum(["TABLE", "VIEW", "INCREMENTAL"]).optional(),
  type: z.enum(["table", "view", "incremental"]).default("table"),
  query: z.string().default(""),
  preOps: texts,
  postOps: texts,
  incrementalQuery: z.string().optional(),
  incrementalPreOps: texts,
  incrementalPostOps: texts,
  uniqueKey: texts,
  protected: z.boolean().default(false),
  materialized: z.boolean().default(false),
  onSchemaChange: z.enum(["IGNORE", "FAIL", "EXTEND", "SYNCHRONIZE"]).default("IGNORE"),
  incrementalStrategy: z
    .enum(["INCREMENTAL_STRATEGY_UNSPECIFIED", "MERGE", "INSERT_OVERWRITE"])
    .default("INCREMENTAL_STRATEGY_UNSPECIFIED"),
  bigquery,
});
const operation = z.object({ ...base, queries: texts, hasOutput: z.boolean().default(false) });
const assertion = z.object({ ...base, query: z.string().default(""), parentAction: target.optional() });
const declaration = z.object(base);
const test = z.object({
  name: z.string(),
  fileName: z.string().default(""),
  tags: texts,
  testQuery: z.string().default(""),
  expectedOutputQuery: z.string().default(""),
  disabled: z.boolean().default(false),
});
/** An inline table of core 2 is a part of the queries that name it, and nothing to be built. */
const isInline = (one: unknown): boolean => (one as { type?: unknown } | null)?.type === "inline";
const compiledGraph = z.object({
  tables: z.preprocess(
    (all) => (Array.isArray(all) ? all.filter((one) => !isInline(one)) : all),
    z.array(table).default([]),
  ),
  operations: z.array(operation).default([]),
  assertions: z.array(assertion).default([]),
  declarations: z.array(declaration).default([]),
  tests: z.array(test).default([]),
  notebooks: z.array(z.object(base)).default([]),
  dataPreparations: z.array(z.object(base)).default([]),
  propertyGraphs: z.array(z.object(base)).default([]),
  projectConfig: z
    .object({
      defaultDatabase: z.string().optional(),
      defaultSchema: z.string().default("dataform"),
      vars: z.record(z.string(), z.string()).default({}),
    })
    .prefault({}),
  graphErrors: z
    .object({
      compilationErrors: z
        .array(
          z.object({ fileName: z.string().optional(), message: z.string().default(""), stack: z.string().optional() }),
        )
        .default([]),
    })
    .prefault({}),
});

/** Reads what `dataform compile --json` printed. */
export function parseCompiledGraph(document: unknown): Graph {
  const parsed = compiledGraph.parse(document);
  const { defaultDatabase, defaultSchema, vars } = parsed.projectConfig;
  const place = (from: z.infer<typeof target>): Target => ({ ...from, schema: from.schema || defaultSchema });
  const idOf = (from: z.infer<typeof target>): string => {
    const { database, schema, name } = place(from);
    return database === undefined || database === defaultDatabase
      ? `${schema}.${name}`
      : `${database}.${schema}.${name}`;
  };
  const common = (from: z.infer<typeof declaration>) => ({
    id: idOf(from.target),
    target: place(from.target),
    file: from.fileName,
    tags: from.tags,
    dependsOn: [...new Set(from.dependencyTargets.map(idOf))].sort(),
    disabled: from.disabled,
    description: from.actionDescriptor.description,
    columns: from.actionDescriptor.columns.map(
      (column): ColumnDoc => ({
        path: column.path,
        description: column.description,
        tags: column.tags,
        policyTags: column.bigqueryPolicyTags,
      }),
    ),
  });
  const foreign = (what: string) => (from: z.infer<typeof declaration>) =>
    ({ kind: "foreign", what, ...common(from) }) as const;
  const isJit = (from: { readonly jitCode?: string | undefined }): boolean => (from.jitCode ?? "") !== "";

  const actions: Action[] = [
    ...parsed.declarations.map((from) => ({ kind: "declaration", ...common(from) }) as const),
    ...parsed.tables.map((from) =>
      isJit(from) ? foreign("just-in-time code")(from) : ({ ...common(from), ...tablePart(from) } as TableAction),
    ),
    ...parsed.operations.map((from) =>
      isJit(from)
        ? foreign("just-in-time code")(from)
        : ({ kind: "operation", ...common(from), queries: from.queries, hasOutput: from.hasOutput } as const),
    ),
    ...parsed.assertions.map((from) =>
      isJit(from)
        ? foreign("just-in-time code")(from)
        : ({
            kind: "assertion",
            ...common(from),
            query: from.query,
            parent: from.parentAction === undefined ? undefined : idOf(from.parentAction),
          } as const),
    ),
    ...parsed.notebooks.map(foreign("notebook")),
    ...parsed.dataPreparations.map(foreign("data preparation")),
    ...parsed.propertyGraphs.map(foreign("property graph")),
  ];
  const tests = parsed.tests
    .filter((from) => !from.disabled)
    .map(
      (from): DataformTest => ({
        name: from.name,
        file: from.fileName,
        tags: from.tags,
        query: from.testQuery,
        expected: from.expectedOutputQuery,
      }),
    );
  const errors = parsed.graphErrors.compilationErrors.map((error) => ({
    file: error.fileName,
    message: error.message,
    stack: error.stack,
  }));
  return { actions, tests, errors, defaultDatabase, defaultSchema, vars };
}

function tablePart(from: z.infer<typeof table>) {
  const kind = { TABLE: "table", VIEW: "view", INCREMENTAL: "incremental" } as const;
  const ofTable = from.enumType === undefined ? from.type : kind[from.enumType];
  const storage: StorageOptions = {
    ...from.bigquery,
    partitionBy: from.bigquery.partitionBy || undefined,
    updatePartitionFilter: from.bigquery.updatePartitionFilter || undefined,
    partitionExpirationDays: from.bigquery.partitionExpirationDays || undefined,
    labels: { ...from.bigquery.labels, ...from.actionDescriptor.bigqueryLabels },
  };
  return {
    kind: ofTable,
    query: from.query,
    preOps: from.preOps,
    postOps: from.postOps,
    materialized: from.materialized,
    storage,
    incremental:
      ofTable === "incremental"
        ? {
            query: from.incrementalQuery || from.query,
            preOps: from.incrementalPreOps,
            postOps: from.incrementalPostOps,
            uniqueKey: from.uniqueKey,
            onSchemaChange: from.onSchemaChange,
            strategy: strategyOf(from),
            isProtected: from.protected,
          }
        : undefined,
  };
}

/** Dataform's own choice: overwrite only where asked for, else merge on a key, else append. */
function strategyOf(from: z.infer<typeof table>): "merge" | "overwrite" | "append" {
  if (from.incrementalStrategy === "INSERT_OVERWRITE") return "overwrite";
  return from.uniqueKey.length > 0 ? "merge" : "append";
}
