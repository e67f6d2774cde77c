import type { Column, Warehouse } from "../../warehouse/warehouse.ts";
import { contentAlgorithm, type Hash } from "../digest/content-digest.ts";
import { contentDigestSql } from "../digest/content-digest-sql.ts";

const fits = "labels.label_fits";
/** What the label model writes into an example. */
const written = new Set(["p_read", "p_engaged", "p_unwanted", "sample_weight", "is_trusted"]);

/**
 * The label model as it was fitted: the content digest of its fits. Undefined where no column of the examples comes from it, or the warehouse has none.
 */
export async function labelModelDigest(
  warehouse: Pick<Warehouse, "query" | "columns">,
  examples: readonly Column[],
  signal?: AbortSignal,
): Promise<{ algorithm: string; value: string } | undefined> {
  if (!examples.some(({ name }) => written.has(name))) return undefined;
  const columns = await warehouse.columns(fits);
  if (columns === undefined) return undefined;
  const list = columns.map(({ name }) => `\`${name}\``).join(", ");
  const { rows } = await warehouse.query(contentDigestSql(`select ${list} from ${fits}`, columns), {
    signal,
    file: "label model digest",
  });
  return { algorithm: contentAlgorithm, value: String(rows[0]?.["content"]) } satisfies Hash;
}
