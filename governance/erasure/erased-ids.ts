import { createHash } from "node:crypto";
import erasures from "../../includes/erasures.js";

/** How raw.erased_ids names an id: what `digestOf` and `hintOf` of includes/erasures.js give in SQL. */
export function erasedId(id: string): { readonly id_digest: string; readonly id_hint: string } {
  return {
    id_digest: createHash("sha256").update(`${erasures.digestPrefix}${id}`).digest("hex"),
    id_hint: id.startsWith("sha256:") ? id.slice(7, 11) : "other",
  };
}
