import { type Query, walk } from "../../packages/googlesql/index.ts";

/** Functions that make no number of a text but by counting rows or values; what else is called might. */
const harmless = new Set(
  "count countif approx_count_distinct sum avg min max any_value coalesce ifnull nullif if safe_divide round floor ceil abs date timestamp datetime timestamp_trunc date_trunc timestamp_diff date_diff timestamp_sub timestamp_add date_sub date_add json_value lower upper trim concat logical_or logical_and".split(
    " ",
  ),
);
/** Whether a query makes numbers of texts in no other way than by counting: no cast, no function but a few. */
export function isOnlyCounted(query: Query): boolean {
  let isOnly = true;
  walk(query, (node) => {
    if (node.kind === "function-call" && !harmless.has(node.name.map(({ name }) => name.toLowerCase()).join(".")))
      isOnly = false;
    if (node.kind === "cast") isOnly = false;
  });
  return isOnly;
}
