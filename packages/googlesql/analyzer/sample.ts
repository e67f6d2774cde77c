import type { SampledTable } from "../ast.ts";
import { coercionCost } from "../coercion.ts";
import { FLOAT64, supportsGrouping, typeName } from "../types.ts";
import { carried } from "./carried.ts";
import { type Analysis, withoutColumns } from "./context.ts";
import { resolve } from "./expressions.ts";
import { type Environment, type From, scopeOf } from "./relation.ts";
import type { Column } from "./scope.ts";

/** TABLESAMPLE: each row with the given chance, or so many rows, of each group where it is asked for; WITH WEIGHT says of how many. */
export function sampleOf(a: Analysis, sample: SampledTable["sample"], input: From, env: Environment): From {
  const cx = withoutColumns("TABLESAMPLE", env.tables);
  const size = resolve(a, sample.size, cx);
  const given = size.literal?.value;
  if (given === undefined || given === null || typeof given === "string" || Number(given) < 0) {
    return a.fail(sample.size, "TABLESAMPLE needs a non-negative literal or parameter");
  }
  if (sample.repeatable) a.refuse(sample.repeatable, "TABLESAMPLE_REPEATABLE", "a repeatable sample");
  const isPlain = !sample.weight && input.form === undefined && sample.partitionBy.length === 0;
  if (sample.unit === "percent") {
    if (coercionCost(size, FLOAT64) === undefined || Number(given) > 100) {
      a.fail(sample.size, "PERCENT value must be in the range [0, 100]");
    }
    if (sample.method === "reservoir") a.fail(sample, "RESERVOIR only supports a number of rows");
    if (sample.partitionBy.length > 0) a.fail(sample, "PARTITION BY is only for RESERVOIR");
    if (isPlain) return { ...input, sql: `${input.sql} TABLESAMPLE BERNOULLI (${Number(given)} PERCENT)` };
    const chance = Number(given) / 100;
    const one = carried(a, input, weightColumn(sample, `CAST(${chance === 0 ? 0 : 1 / chance} AS DOUBLE)`));
    return one.from(`(SELECT ${one.list.join(", ")} FROM ${input.sql} WHERE random() < ${chance}) AS ${one.table}`);
  }
  if (typeof given !== "bigint") return a.fail(sample.size, "ROWS needs an INT64");
  if (sample.method === "system") a.fail(sample, "SYSTEM does not support a number of rows");
  if (isPlain) return { ...input, sql: `${input.sql} TABLESAMPLE RESERVOIR (${given} ROWS)` };
  const keys = sample.partitionBy.map((node) => {
    const key = resolve(a, node, { scope: scopeOf(input, env.scope), tables: env.tables, clause: "PARTITION BY" });
    if (!supportsGrouping(key.type)) a.fail(node, `PARTITION BY does not support type ${typeName(key.type)}`);
    return key.sql;
  });
  const by = keys.length > 0 ? `PARTITION BY ${keys.join(", ")} ` : "";
  const [place, count] = [a.fresh("n"), a.fresh("n")];
  const first = carried(a, input);
  first.list.push(`row_number() OVER (${by}ORDER BY random()) AS ${place}`, `count(*) OVER (${by.trim()}) AS ${count}`);
  const all = first.from(`(SELECT ${first.list.join(", ")} FROM ${input.sql}) AS ${first.table}`);
  const [at, of] = [`${first.table}.${place}`, `${first.table}.${count}`];
  const weight = `CASE WHEN ${of} <= ${given} THEN CAST(1 AS DOUBLE) ELSE CAST(${of} AS DOUBLE) / ${given} END`;
  const last = carried(a, all, weightColumn(sample, weight));
  return last.from(`(SELECT ${last.list.join(", ")} FROM ${all.sql} WHERE ${at} <= ${given}) AS ${last.table}`);
}

const weightColumn = ({ weight }: SampledTable["sample"], sql: string): readonly Column[] =>
  weight ? [{ name: weight.alias?.name ?? "weight", sql, type: FLOAT64 }] : [];
