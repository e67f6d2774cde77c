import type { Expression, OptionEntry, PrivacyClause } from "../ast.ts";
import { coercionCost } from "../coercion.ts";
import { supportsGrouping, typeName } from "../types.ts";
import { type Analysis, type Context, withoutColumns } from "./context.ts";
import { resolve } from "./expressions.ts";
import type { Typed } from "./typed.ts";

/** What the OPTIONS of WITH DIFFERENTIAL_PRIVACY say. */
export interface PrivacyOptions {
  readonly epsilon: number;
  readonly delta: number;
  /** The column whose values are protected, over the rows of FROM. */
  readonly unit: Typed;
  /** How many groups a unit may count in; undefined when it is not said. */
  readonly groups: number | undefined;
}

/** What other parts of GoogleSQL, beyond BigQuery's, have here. */
const notCarriedOut = new Set(["group_selection_strategy", "max_rows_contributed", "min_privacy_units_per_group"]);
const known = new Set(["epsilon", "delta", "privacy_unit_column", "max_groups_contributed"]);

/**
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#dp_clause, with a privacy unit column in the clause:
 * one that stands in the options of a view (`privacy_policy`) is refused with the view.
 */
export function readPrivacyOptions(a: Analysis, clause: PrivacyClause, rows: Context): PrivacyOptions {
  const found = new Map<string, OptionEntry>();
  for (const entry of clause.options?.entries ?? []) {
    const name = entry.name.name.toLowerCase();
    if (notCarriedOut.has(name)) a.refuse(entry, name, "this option of DIFFERENTIAL_PRIVACY is not carried out");
    if (!known.has(name)) a.fail(entry, `Unknown differential privacy option: ${entry.name.name}`);
    if (found.has(name)) a.fail(entry, `Duplicate differential privacy option: ${entry.name.name}`);
    found.set(name, entry);
  }
  const need = (name: string): OptionEntry =>
    found.get(name) ?? a.fail(clause, `Differential privacy option ${name} must be set`);
  const unitNode = need("privacy_unit_column").value;
  if (unitNode.kind !== "path") return a.fail(unitNode, "privacy_unit_column must name a column");
  const unit = resolve(a, unitNode, { ...rows, clause: "privacy_unit_column" });
  if (!supportsGrouping(unit.type))
    a.fail(unitNode, `privacy_unit_column may not be of type ${typeName(unit.type)}, which cannot be grouped`);
  const epsilon = double(a, need("epsilon"));
  if (!(epsilon > 0) || !Number.isFinite(epsilon))
    a.fail(need("epsilon").value, `Epsilon must be finite and positive, but is ${epsilon}`);
  const delta = double(a, need("delta"));
  if (!(delta >= 0 && delta <= 1)) a.fail(need("delta").value, `Delta must be in [0, 1], but is ${delta}`);
  const groups = found.get("max_groups_contributed");
  return {
    epsilon,
    delta,
    unit,
    groups: groups && wholeNumber(a, groups),
  };
}

/** A constant: nothing of FROM is in reach. */
const constantOf = (a: Analysis, node: Expression): Typed => resolve(a, node, withoutColumns("OPTIONS"));

function double(a: Analysis, entry: OptionEntry): number {
  const value = constantOf(a, entry.value);
  const name = entry.name.name.toLowerCase();
  if (coercionCost(value, { kind: "FLOAT64" }) === undefined || value.isUntypedNull)
    a.fail(
      entry.value,
      `Differential privacy option ${name} has type ${typeName(value.type)}, which cannot be coerced to FLOAT64`,
    );
  const given = value.literal?.value;
  if (given === undefined || given === null) return a.fail(entry.value, `Option ${name} must be a literal`);
  return Number(given);
}

function wholeNumber(a: Analysis, entry: OptionEntry): number {
  const given = constantOf(a, entry.value).literal?.value;
  if (typeof given !== "bigint" || given < 1n || given > 2n ** 31n - 1n)
    return a.fail(entry.value, "Option max_groups_contributed must be a positive INT64 literal");
  return Number(given);
}
