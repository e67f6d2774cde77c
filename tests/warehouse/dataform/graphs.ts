import type {
  Action,
  AssertionAction,
  DeclarationAction,
  Graph,
  TableAction,
} from "../../../warehouse/dataform/graph.ts";

const target = (id: string) => {
  const [schema, name] = id.split(".");
  return { database: "p", schema: schema!, name: name! };
};
const base = (id: string, dependsOn: readonly string[]) => ({
  id,
  target: target(id),
  file: `definitions/${id.replace(".", "/")}.sqlx`,
  tags: [] as readonly string[],
  dependsOn,
  disabled: false,
  description: "",
  columns: [],
});

/** Small graphs for tests, written as they are read: `view("s.a", ["s.b"])`. */
export const source = (id: string): DeclarationAction => ({ kind: "declaration", ...base(id, []) });

export const table = (id: string, dependsOn: readonly string[], more: Partial<TableAction> = {}): TableAction => ({
  kind: "table",
  ...base(id, dependsOn),
  query: `select * from ${dependsOn.map((other) => `\`p.${other}\``).join(" cross join ") || "unnest([1]) as x"}`,
  preOps: [],
  postOps: [],
  materialized: false,
  storage: {
    clusterBy: [],
    incrementalPredicates: [],
    requirePartitionFilter: false,
    labels: {},
    additionalOptions: {},
  },
  ...more,
});

export const view = (id: string, dependsOn: readonly string[], more: Partial<TableAction> = {}): TableAction =>
  table(id, dependsOn, { kind: "view", ...more });

export const incremental = (
  id: string,
  dependsOn: readonly string[],
  part: Partial<NonNullable<TableAction["incremental"]>> = {},
  more: Partial<TableAction> = {},
): TableAction =>
  table(id, dependsOn, {
    kind: "incremental",
    incremental: {
      query: "select new.*",
      preOps: [],
      postOps: [],
      uniqueKey: ["k"],
      onSchemaChange: "IGNORE",
      strategy: "merge",
      isProtected: false,
      ...part,
    },
    ...more,
  });

export const assertion = (id: string, dependsOn: readonly string[], tags: readonly string[] = []): AssertionAction => ({
  kind: "assertion",
  ...base(id, dependsOn),
  tags,
  query: `select * from ${dependsOn.map((other) => `\`p.${other}\``).join(" cross join ")} where false`,
});

export const graphOf = (...actions: readonly Action[]): Graph => ({
  actions,
  tests: [],
  errors: [],
  defaultDatabase: "p",
  defaultSchema: "s",
  vars: {},
});
