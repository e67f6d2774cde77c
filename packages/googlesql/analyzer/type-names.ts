import type { TypeName } from "../ast.ts";
import { arrayOf, type GoogleSqlType, rangeOf, scalarTypeNamed, supportsEquality } from "../types.ts";
import type { Analysis } from "./context.ts";

/** The type that a type name in the text means. */
export function resolveType(a: Analysis, node: TypeName): GoogleSqlType {
  switch (node.kind) {
    case "simple-type": {
      const type = scalarTypeNamed(node.name);
      if (!type) {
        if (node.name.toUpperCase() === "GEOGRAPHY") a.refuse(node, "GEOGRAPHY");
        return a.fail(node, `Type not found: ${node.name}`);
      }
      if (node.parameters.length > 0) a.refuse(node, "parameterized_type", "its limits would not be enforced here");
      if (node.collation !== undefined && node.collation !== "") a.refuse(node, "collation", "collation of strings");
      return type;
    }
    case "array-type": {
      const element = resolveType(a, node.element);
      if (element.kind === "ARRAY") a.fail(node, "Arrays of arrays are not supported");
      return arrayOf(element);
    }
    case "struct-type":
      return {
        kind: "STRUCT",
        fields: node.fields.map((field) => ({ name: field.name?.name, type: resolveType(a, field.type) })),
      };
    case "range-type": {
      const element = resolveType(a, node.element);
      if (!["DATE", "DATETIME", "TIMESTAMP"].includes(element.kind) || !supportsEquality(element)) {
        a.fail(node, "RANGE is not supported for that element type");
      }
      return rangeOf(element);
    }
    case "templated-type":
      return a.fail(node, "ANY TYPE is not allowed here");
  }
}

/** The same type name with the collations that `choose` gives its strings, from those that they have. */
export function withCollation(node: TypeName, choose: (own: string | undefined) => string | undefined): TypeName {
  switch (node.kind) {
    case "simple-type":
      return scalarTypeNamed(node.name)?.kind === "STRING" ? { ...node, collation: choose(node.collation) } : node;
    case "array-type":
      return { ...node, element: withCollation(node.element, choose) };
    case "struct-type":
      return { ...node, fields: node.fields.map((field) => ({ ...field, type: withCollation(field.type, choose) })) };
    default:
      return node;
  }
}
