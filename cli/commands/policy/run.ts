import { exitCodes } from "../../../errors/user-error.ts";
import type { CheckedPolicy } from "../../../governance/data-policy/check.ts";
import { checkProjectPolicy } from "../../data-policy.ts";
import type { ProjectOptions } from "../../dataform-project.ts";
import type { Environment } from "../../environment.ts";
import { renderTable } from "../../table.ts";

export interface PolicyCheckOptions extends ProjectOptions {
  readonly policies?: string;
}

/** `inboxloop policy check`. */
export async function policyCheckCommand(environment: Environment, options: PolicyCheckOptions): Promise<void> {
  const checked = await checkProjectPolicy(environment, options, { policies: options.policies });
  environment.console.result(checked, () => renderCheckedPolicy(checked));
  if (checked.verdict === "fail") process.exitCode = exitCodes.check;
}

/** The uses as a table, then what was found. */
export function renderCheckedPolicy({ uses, findings, verdict }: CheckedPolicy): string {
  const table = renderTable(
    [
      { title: "use" },
      { title: "stage" },
      { title: "purposes" },
      { title: "columns", align: "right" },
      { title: "found", align: "right" },
    ],
    uses.map((one) => [one.use, one.stage, one.purposes.join(", "), String(one.columns), String(one.findings)]),
  );
  const found = findings.flatMap((one) => [
    "",
    `REFUSED  ${one.message}  (${one.kind})`,
    ...(one.path && one.path.length > 1
      ? [`         ${one.path[0]}`, ...one.path.slice(1).map((step) => `           <- ${step}`)]
      : []),
    `         at ${one.where}`,
    `         next: ${one.next}`,
  ]);
  const columns = uses.reduce((sum, one) => sum + one.columns, 0);
  const end =
    verdict === "pass"
      ? `ok    ${uses.length} uses of ${columns} columns: none has a class that its purpose does not allow`
      : `${findings.length} found`;
  return [table, ...found, "", end].join("\n");
}
