import { readFileSync } from "node:fs";
import { join } from "node:path";
import { dataClasses, dataPolicyFile, parseDataPolicy } from "../../governance/data-policy/data-policy.ts";
import { keptDays } from "../../governance/data-policy/kept-days.ts";

/** includes/policy_matrix.js: governance/policies.yaml as far as models need it, since an include reads no file. */
export function policyMatrix(root: string): string {
  const policy = parseDataPolicy(readFileSync(join(root, dataPolicyFile), "utf8"), dataPolicyFile);
  const tables = Object.fromEntries(
    Object.entries(policy.columns).map(([table, columns]) => [table, { keptDays: keptDays(policy, table), columns }]),
  );
  // Vars by their whole names: who overrides one is told when a project has none of that name, and that is looked for in its text.
  const tagVars = Object.fromEntries(dataClasses.map((one) => [one, `policy_tag_${one}`]));
  const roles = Object.fromEntries(
    Object.entries(policy.roles).map(([role, { sees }]) => [role, { sees, readersVar: `readers_${role}` }]),
  );
  return [
    `// From ${dataPolicyFile}, by scripts/codegen/policy-matrix.ts; do not edit.`,
    "",
    `module.exports = ${JSON.stringify({ purposes: policy.purposes, classes: policy.classes, tables, roles, tagVars }, undefined, 2)};`,
    "",
  ].join("\n");
}
