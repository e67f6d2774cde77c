import type { RegisterCommand } from "../command.ts";
import { type DeciderOptions, decided, deciding } from "../deciding.ts";
import { show } from "./release/render.ts";

export const register: RegisterCommand = (program, environment) => {
  decided(
    program
      .command("pause <what>")
      .description(
        "Stop a campaign by its name, `model` (the rules decide), or `all` (nothing goes out), until it is resumed",
      ),
  )
    .requiredOption("--reason <text>", "why")
    .option("--resume", "go on again")
    .action(async (what: string, options: DeciderOptions & { reason: string; resume?: boolean }) => {
      const { pause, resume } = await import("../../release/changes.ts");
      const env = await deciding(environment(), options);
      const act = options.resume === true ? resume : pause;
      show(environment(), await act(env, what, options.reason));
    });
};
