import { parseDocument } from "yaml";
import type { z } from "zod";
import type { UserError } from "../errors/user-error.ts";

type Document = ReturnType<typeof parseDocument>;

/** A YAML text in the shape that it must have. `refuse` makes the error of what is wrong, and where: `file:line`. */
export function checkedYaml<T>(
  text: string,
  file: string,
  shape: z.ZodType<T>,
  refuse: (message: string, where: string) => UserError,
): T {
  const document = parseDocument(text, { prettyErrors: true });
  const broken = document.errors[0];
  if (broken) throw refuse(broken.message.split("\n")[0] ?? "not YAML", `${file}:${broken.linePos?.[0].line ?? 1}`);
  const parsed = shape.safeParse(document.toJS({ maxAliasCount: 100 }));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const path = (issue?.path ?? []).map((part) => (typeof part === "symbol" ? String(part) : part));
  const message = path.length > 0 ? `${path.join(".")}: ${issue?.message}` : (issue?.message ?? "another shape");
  throw refuse(message, `${file}:${lineOf(document, text, path)}`);
}

/** The line of the deepest part of a path that stands in the document. */
function lineOf(document: Document, text: string, path: readonly (string | number)[]): number {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true) as { range?: [number, number, number] | null } | undefined;
    if (node?.range) return text.slice(0, node.range[0]).split("\n").length;
  }
  return 1;
}
