import type { Skew } from "../../serve/online/verify.ts";
import type { RegisterCommand } from "../command.ts";
import { renderTable } from "../table.ts";
import { numberOption } from "./retrain/options.ts";

const pageRows = (text: string): number => numberOption("--page-rows", { whole: true, least: 1 })(text);

export const register: RegisterCommand = (program, environment) => {
  const noun = program
    .command("features")
    .description("The online store of features: load it, and hold it against the warehouse");

  noun
    .command("push")
    .description("Load the online store from features.decision_inputs; what streamed in since stays")
    .option("--page-rows <n>", "people loaded together", pageRows, 5000)
    .action(async (options: { pageRows: number }) => {
      const { pushCommand } = await import("./features/run.ts");
      const world = await environment();
      const pushed = await pushCommand(world, options);
      world.console.result(
        pushed,
        () => `${pushed.people} people, as of ${pushed.as_of ?? "never: features.decision_inputs is empty"}`,
      );
    });

  noun
    .command("verify")
    .description("Compare the online store with the warehouse, value by value (exit code 4 when they differ)")
    .option("--page-rows <n>", "people compared together", pageRows, 5000)
    .action(async (options: { pageRows: number }) => {
      const { verifyCommand } = await import("./features/run.ts");
      const { exitCodes } = await import("../../errors/user-error.ts");
      const world = await environment();
      const skew = await verifyCommand(world, options);
      world.console.result(skew, () => renderSkew(skew));
      const differ =
        skew.missing_online +
        skew.missing_offline +
        skew.other_as_of +
        skew.features.filter((one) => one.differing > 0).length;
      if (differ > 0) process.exitCode = exitCodes.check;
    });
};

function renderSkew(skew: Skew): string {
  const rows = skew.features
    .filter(({ differing }) => differing > 0)
    .map((one) => [
      one.feature,
      String(one.compared),
      String(one.differing),
      one.greatest_difference?.toPrecision(4) ?? "",
      one.example ?? "",
    ]);
  return [
    `${skew.people} people; ${skew.missing_online} not online, ${skew.missing_offline} online alone, ${skew.other_as_of} as of another instant`,
    rows.length === 0
      ? `${skew.features.length} features are the same`
      : renderTable(
          [
            { title: "feature" },
            { title: "compared", align: "right" },
            { title: "differing", align: "right" },
            { title: "by up to", align: "right" },
            { title: "for example" },
          ],
          rows,
        ),
  ].join("\n");
}
