import type { RegisterCommand } from "../command.ts";
import { addProjectOptions } from "../dataform-project.ts";
import type { PolicyCheckOptions } from "./policy/run.ts";

export const register: RegisterCommand = (program, environment) => {
  const noun = program
    .command("policy")
    .description("What data may be used for: governance/policies.yaml of a project");
  const command = noun
    .command("check")
    .description("Prove over the column lineage that nothing is used for a purpose that its class does not allow");
  addProjectOptions(command)
    .option("--policies <folder>", "where the decision policies are (default: policies, where there is one)")
    .addHelpText(
      "after",
      `
Reads governance/policies.yaml: the class of each column, and the purposes that a class may serve at each stage. Models, features, training sets,
segments, decisions and what is handed over are the uses that it states; each decision policy's inputs are uses too. Exit code 4 with the way from the
column that is used back to the source that it must not be made of. A use of a sensitive column takes a lawful basis under \`grants\`, and signed approvals:
\`inboxloop change propose data-policies <grant>\`.

Example:
  inboxloop policy check --json
`,
    )
    .action(async (options: PolicyCheckOptions) => {
      const { policyCheckCommand } = await import("./policy/run.ts");
      await policyCheckCommand(environment(), options);
    });
};
