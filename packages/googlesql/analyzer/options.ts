import type { OptionEntry, OptionsList } from "../ast.ts";
import type { LiteralValue } from "../functions/contract.ts";
import { type Analysis, withoutColumns } from "./context.ts";
import { resolve } from "./expressions.ts";

/** What becomes of an option: nothing here depends on it, it is carried out, or only the values that change nothing are taken. */
type Handling = "no effect" | "carried out" | { readonly refusedUnless: (value: LiteralValue | undefined) => boolean };

const isOff = (value: LiteralValue | undefined): boolean => value === false || value === null;
const isDefaultRounding = (value: LiteralValue | undefined): boolean =>
  value === null || value === "" || value === "ROUND_HALF_AWAY_FROM_ZERO" || value === "ROUNDING_MODE_UNSPECIFIED";
const rounding: Handling = { refusedUnless: isDefaultRounding };
const never: Handling = { refusedUnless: () => false };

const named = (names: string, handling: Handling): Readonly<Record<string, Handling>> =>
  Object.fromEntries(names.split(" ").map((name) => [name, handling]));

const said = named("description friendly_name labels tags", "no effect");

/**
 * The options of BigQuery's data definition language. What says when rows go (an expiration) has no effect on this machine: nothing
 * is deleted by its age.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language
 */
const known = {
  table: {
    ...said,
    ...named(
      "expiration_timestamp partition_expiration_days kms_key_name max_staleness enable_change_history enable_fine_grained_mutations",
      "no effect",
    ),
    require_partition_filter: "carried out",
    default_rounding_mode: rounding,
    ...named("storage_uri file_format table_format", never),
  },
  view: {
    ...said,
    ...named(
      "expiration_timestamp kms_key_name enable_refresh refresh_interval_minutes max_staleness allow_non_incremental_definition",
      "no effect",
    ),
    privacy_policy: never,
  },
  schema: {
    ...said,
    ...named(
      "default_kms_key_name default_partition_expiration_days default_table_expiration_days location max_time_travel_hours primary_replica storage_billing_model",
      "no effect",
    ),
    default_rounding_mode: rounding,
    is_case_insensitive: { refusedUnless: isOff },
  },
  column: { description: "no effect", rounding_mode: rounding, data_policies: never, policy_tags: never },
} satisfies Readonly<Record<string, Readonly<Record<string, Handling>>>>;

/**
 * The options of a table, view, dataset or column that are carried out, by name. Fails for one that BigQuery does not have, and
 * refuses one that would change answers and is not served.
 */
export function readOptions(
  a: Analysis,
  object: keyof typeof known,
  list: OptionsList | undefined,
): ReadonlyMap<string, { readonly node: OptionEntry; readonly value: LiteralValue }> {
  const found = new Map<string, { readonly node: OptionEntry; readonly value: LiteralValue }>();
  const names = new Set<string>();
  for (const node of list?.entries ?? []) {
    const name = node.name.name.toLowerCase();
    if (names.has(name)) a.fail(node, `Duplicate option specified for '${name}'`);
    names.add(name);
    const handling = (known[object] as Readonly<Record<string, Handling>>)[name];
    if (handling === undefined) return a.fail(node, `Unknown option: ${node.name.name}`);
    if (handling === "no effect") continue;
    const cx = withoutColumns("OPTIONS");
    const value = resolve(a, node.value, cx).literal?.value;
    if (handling !== "carried out") {
      if (!handling.refusedUnless(value)) a.refuse(node, `option_${name}`, `the option ${name} of a ${object}`);
      continue;
    }
    if (value === undefined) return a.refuse(node, `option_${name}`, `${name} that is no literal`);
    found.set(name, { node, value });
  }
  return found;
}

/** `require_partition_filter`, where it is given; NULL sets it back. */
export function requiresPartitionFilter(
  a: Analysis,
  options: ReturnType<typeof readOptions>,
  partitionColumn: string | undefined,
): boolean | undefined {
  const given = options.get("require_partition_filter");
  if (!given) return undefined;
  const { node, value } = given;
  if (value !== null && typeof value !== "boolean") a.fail(node, "Option require_partition_filter is a BOOL");
  if (value === true && partitionColumn === undefined)
    a.fail(node, "require_partition_filter is for a table that is partitioned, and this one is not");
  return value === true;
}
