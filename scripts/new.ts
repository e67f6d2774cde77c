// Begins a provider, a model, a function of GoogleSQL or a labelling function: `npm run new -- provider acme_mail`.

import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { Argument, Command } from "commander";
import { type Kind, kinds, scaffold, write } from "./scaffold.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

new Command("npm run new --")
  .description("Write the first files of what is added most, and say what is still to be written")
  .addArgument(new Argument("<kind>", "what to begin").choices(kinds))
  .argument("<name>", "acme_mail, monitoring.clicks_daily, NEW_FUNCTION, forwarded_twice")
  .option("--dry-run", "only say what would be written")
  .action((kind: Kind, name: string, options: { dryRun?: boolean }, command: Command) => {
    try {
      const begun = scaffold(root, kind, name);
      if (options.dryRun !== true) write(root, begun);
      for (const path of Object.keys(begun.files)) console.log(`${options.dryRun ? "would write" : "wrote"}  ${path}`);
      for (const step of [...begun.next, "npm run format"]) console.log(`next   ${step}`);
    } catch (error) {
      command.error(`error: ${error instanceof Error ? error.message : String(error)}`);
    }
  })
  .parse();
