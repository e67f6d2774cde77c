import { exitCodes } from "../../errors/user-error.ts";
import type { Certificate, ModelParity } from "../../warehouse/dataform/parity.ts";
import type { RegisterCommand } from "../command.ts";
import { addProjectOptions, type ProjectOptions, withProject } from "../dataform-project.ts";
import { renderTable } from "../table.ts";

export const register: RegisterCommand = (program, environment) => {
  addProjectOptions(
    program
      .command("parity")
      .description(
        "Certify a project: each model, what it is made of, and whether the local engine is proven to be right about it",
      ),
  )
    .addHelpText(
      "after",
      "\nNothing is read but the columns of sources. Exit code 4 when a model is refused, invalid or reads what is not known.\n",
    )
    .action(async (options: ProjectOptions) => {
      const { certify } = await import("../../warehouse/dataform/parity.ts");
      const { openLocalWarehouse } = await import("../../packages/googlesql/index.ts");
      const world = environment();
      await withProject(world, options, async ({ graph, columnsOf }) => {
        const scratch = await openLocalWarehouse();
        try {
          const certificate = await certify(graph, { run: (sql, file) => scratch.run(sql, { file }), columnsOf });
          world.console.result(certificate, () => renderCertificate(certificate));
          const { refused, invalid, unknown } = certificate.counts;
          if (refused + invalid + unknown > 0) process.exitCode = exitCodes.check;
        } finally {
          scratch.close();
        }
      });
    });
};

/** One line a model, then what was refused in full, then the evidence. */
export function renderCertificate(certificate: Certificate): string {
  const { models, counts, run } = certificate;
  const table = renderTable(
    [{ title: "model" }, { title: "kind" }, { title: "verdict" }, { title: "functions" }, { title: "constructs" }],
    models
      .filter((model) => model.kind !== "assertion" || model.verdict !== "verified")
      .map((model) => [
        model.id,
        model.kind,
        model.verdict,
        model.functions.map((one) => (one.status === "verified" ? one.name : `${one.name} (${one.status})`)).join(", "),
        model.constructs.join(", "),
      ]),
  );
  const troubles = models.flatMap((model) => (model.reason ? [reasonText(model)] : []));
  const total = models.length;
  const assertions = models.filter((model) => model.kind === "assertion" && model.verdict === "verified").length;
  const others = (["served", "refused", "invalid", "unknown"] as const)
    .filter((verdict) => counts[verdict] > 0)
    .map((verdict) => `, ${counts[verdict]} ${verdict}`)
    .join("");
  return [
    table,
    "",
    ...troubles,
    ...(troubles.length > 0 ? [""] : []),
    `${counts.verified} of ${total} verified (${assertions} assertions among them, not shown)${others}`,
    `run: ${run.referee}, seed ${run.seed}, ${run.cases.toLocaleString("en-US")} calls of ${run.functions} functions the same on both engines`,
  ].join("\n");
}

const reasonText = (model: ModelParity): string =>
  `${model.id} is ${model.verdict}: ${model.reason!.message} [${model.reason!.code}]${model.reason!.where ? `\n  where: ${model.reason!.where}` : ""}`;
