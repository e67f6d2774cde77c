import type { RegisterCommand } from "../command.ts";
import { wholeNumber } from "../whole-number.ts";

export const register: RegisterCommand = (program, environment) => {
  program
    .command("demo")
    .description("One turn of the whole loop on this machine: simulate, ingest, build, train, evaluate, release")
    .option("--seed <n>", "another seed, another world", wholeNumber, 7)
    .option("--events <n>", "at least this many events", wholeNumber, 1_000_000)
    .addHelpText("after", "\nExit code 4 when the counts do not add up or a release does not end as it must.\n")
    .action(async (options: { seed: number; events: number }) => {
      const { exitCodes } = await import("../../errors/user-error.ts");
      const { ownProjectDir } = await import("../../demo/own-project.ts");
      const { runDemo } = await import("../../demo/run-demo.ts");
      const { renderSummary } = await import("../../demo/render-summary.ts");
      const { refuseClearFile } = await import("../../platform/home-seal.ts");
      const world = environment();
      refuseClearFile(world.home.root, "the simulated sender's own files", "inboxloop demo --home <another folder>");
      const result = await runDemo(world, { ...options, projectDir: ownProjectDir() });
      world.console.result(result, () => renderSummary(result));
      const [good, bad] = result.canaries;
      const isAsItMustBe = result.ingested.adds_up && good?.ends === "promoted" && bad?.ends === "rolled back";
      if (!isAsItMustBe) process.exitCode = exitCodes.check;
    });
};
