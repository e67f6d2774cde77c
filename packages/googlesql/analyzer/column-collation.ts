import type { TypeName } from "../ast.ts";
import { COLLATED, type GoogleSqlType } from "../types.ts";
import { collationNamed } from "./collation.ts";
import type { Analysis } from "./context.ts";
import { limitedType } from "./type-limits.ts";
import { withCollation } from "./type-names.ts";

/** The type that a column's type name means, its strings collated where it says so. */
export function collatedType(a: Analysis, node: TypeName): GoogleSqlType {
  const { type } = limitedType(
    a,
    withCollation(node, () => undefined),
  );
  const collated = (at: TypeName, of: GoogleSqlType): GoogleSqlType => {
    if (at.kind === "simple-type" && at.collation !== undefined) {
      if (of.kind !== "STRING") return a.fail(at, "COLLATE applies to STRING alone");
      return collationNamed(a, at, at.collation) === "ci" ? COLLATED : of;
    }
    if (at.kind === "array-type" && of.kind === "ARRAY")
      return { kind: "ARRAY", element: collated(at.element, of.element) };
    if (at.kind === "struct-type" && of.kind === "STRUCT")
      return {
        kind: "STRUCT",
        fields: of.fields.map((field, i) => ({ ...field, type: collated(at.fields[i]!.type, field.type) })),
      };
    return of;
  };
  return collated(node, type);
}
