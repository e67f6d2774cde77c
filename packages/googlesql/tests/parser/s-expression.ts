import type { Node } from "../../ast.ts";

/**
 * The tree on one line, so that a test can show it: `(kind field:value ...)`, without spans and without what is absent,
 * empty or false. A node of which only one field says something is shown as that field: `t` for a table reference
 * without an alias. Identifiers are their names, quoted ones in backquotes.
 */
export function sExpression(node: Node): string {
  return show(node) ?? "()";
}

function show(value: unknown): string | undefined {
  if (value === undefined || value === false) return undefined;
  if (value instanceof Uint8Array) return `bytes:${Buffer.from(value).toString("hex")}`;
  if (Array.isArray(value))
    return value.length === 0 ? undefined : `[${value.map((item) => show(item) ?? "[]").join(" ")}]`;
  if (typeof value === "string") return /^[\w.<>=+*/|&^~-]+$/.test(value) ? value : JSON.stringify(value);
  if (typeof value !== "object" || value === null) return String(value);
  return showNode(value as Node);
}

/** Kinds shown as their one field when no other is there. */
const thin: Readonly<Record<string, string>> = {
  query: "body",
  "select-expression": "expression",
  "table-reference": "name",
  "order-item": "expression",
  "grouping-key": "expression",
  "simple-type": "name",
  "struct-constructor-field": "expression",
  "pivot-value": "expression",
  "pivot-aggregate": "expression",
  "pipe-aggregate-item": "expression",
  "query-statement": "query",
};

function showNode(node: Node): string {
  switch (node.kind) {
    case "identifier":
      return node.quoted ? `\`${node.name}\`` : node.name;
    case "object-name":
    case "path":
      return node.parts.map(showNode).join(".");
    case "integer-literal":
      return String(node.value);
    case "string-literal":
      return JSON.stringify(node.value);
    case "boolean-literal":
      return String(node.value);
    case "null-literal":
      return "null";
    case "named-parameter":
      return `@${node.name}`;
    case "binary":
      return `(${node.operator} ${showNode(node.left)} ${showNode(node.right)})`;
    case "logical":
      return `(${node.operator} ${node.operands.map(showNode).join(" ")})`;
    case "unary":
      return `(${node.operator} ${showNode(node.operand)})`;
    default: {
      const shown: string[] = [];
      for (const [name, value] of Object.entries(node)) {
        const text = name === "kind" || name === "span" ? undefined : show(value);
        if (text === undefined) continue;
        if (name === thin[node.kind] && isOnlyField(node, name)) return text;
        shown.push(value === true ? name : `${name}:${text}`);
      }
      if (node.kind === "star-argument") return "*";
      return `(${[node.kind, ...shown].join(" ")})`;
    }
  }
}

function isOnlyField(node: Node, only: string): boolean {
  return Object.entries(node).every(
    ([name, value]) => name === only || name === "kind" || name === "span" || show(value) === undefined,
  );
}
