import { readFileSync } from "node:fs";
import { join } from "node:path";
import { dataPolicyFile, parseDataPolicy } from "../../governance/data-policy/data-policy.ts";
import { keptDays } from "../../governance/data-policy/kept-days.ts";

/** includes/policy_matrix.js: governance/policies.yaml as far as models need it, since an include reads no file. */
export function policyMatrix(root: string): string {
  const policy = parseDataPolicy(readFileSync(join(root, dataPolicyFile), "utf8"), dataPolicyFile);
  const tables = Object.fromEntries(
    Object.entries(policy.columns).map(([table, columns]) => [table, { keptDays: keptDays(policy, table), columns }]),
  );
  return [
    `// From ${dataPolicyFile}, by scripts/codegen/policy-matrix.ts; do not edit.`,
    "",
    `module.exports = ${JSON.stringify({ purposes: policy.purposes, classes: policy.classes, tables }, undefined, 2)};`,
    "",
  ].join("\n");
}
