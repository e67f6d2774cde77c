import { createHash } from "node:crypto";
import { UserError } from "../errors/user-error.ts";
import { checkedYaml } from "../platform/checked-yaml.ts";
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
  const policy = checkedYaml(text, file, policyShape, refusal);
  return { policy, digest: policyDigest(policy), file };
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
