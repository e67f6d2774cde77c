import { createHash } from "node:crypto";
import { parseDocument } from "yaml";
import { UserError } from "../errors/user-error.ts";
import { canonicalJson } from "../platform/journal/canonical-json.ts";
import { type Policy, policyShape } from "./schema.ts";

/** A policy with the digest by which decisions name it. */
export interface LoadedPolicy {
  readonly policy: Policy;
  /** SHA-256 of the policy's meaning: comments, order of keys and stated defaults make no difference. */
  readonly digest: string;
  readonly file: string;
}

/** Reads a policy from YAML. What is wrong is told with its line; `file` is for that alone. */
export function parsePolicy(text: string, file: string): LoadedPolicy {
  const document = parseDocument(text, { prettyErrors: true });
  const broken = document.errors[0];
  if (broken) throw refusal(broken.message.split("\n")[0] ?? "not YAML", `${file}:${broken.linePos?.[0].line ?? 1}`);
  const parsed = policyShape.safeParse(document.toJS({ maxAliasCount: 100 }));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const path = (issue?.path ?? []).map((part) => (typeof part === "symbol" ? String(part) : part));
    throw refusal(`${path.join(".") || "policy"}: ${issue?.message}`, `${file}:${lineOf(document, text, path)}`);
  }
  return { policy: parsed.data, digest: policyDigest(parsed.data), file };
}

/** SHA-256 of a policy's canonical JSON. */
export const policyDigest = (policy: Policy): string =>
  createHash("sha256").update(canonicalJson(policy)).digest("hex");

const refusal = (message: string, where: string): UserError =>
  new UserError(`not a policy: ${message}`, {
    code: "policy.invalid",
    exit: "config",
    where,
    next: "docs/reference/policies.md has every line and what it means",
  });

/** The line of the deepest part of a path that stands in the document. */
function lineOf(document: ReturnType<typeof parseDocument>, text: string, path: readonly (string | number)[]): number {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true) as { range?: [number, number, number] | null } | undefined;
    if (node?.range) return text.slice(0, node.range[0]).split("\n").length;
  }
  return 1;
}
