import type { TestProject } from "vitest/node";
import { startEmulators } from "./emulators.ts";
import { installEmulators } from "./install.ts";

declare module "vitest" {
  interface ProvidedContext {
    readonly pubsub: string;
    readonly bigquery: string;
    readonly bigqueryStorage: string;
  }
}

/** Installs and starts the emulators before the first test, and stops them after the last. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const emulators = await startEmulators(await installEmulators((line) => process.stderr.write(`${line}\n`)));
  project.provide("pubsub", emulators.pubsub);
  project.provide("bigquery", emulators.bigquery);
  project.provide("bigqueryStorage", emulators.bigqueryStorage);
  return emulators.stop;
}
