import type { TestProject } from "vitest/node";
import { startPubSub } from "./emulators.ts";
import { type Installed, installEmulators } from "./install.ts";

declare module "vitest" {
  interface ProvidedContext {
    readonly installed: Installed;
    /** `host:port` of the Pub/Sub emulator, which all tests share. */
    readonly pubsub: string;
  }
}

/** Installs the emulators before the first test and starts Pub/Sub's; a test file starts a BigQuery of its own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const installed = await installEmulators((line) => process.stderr.write(`${line}\n`));
  const pubsub = await startPubSub(installed);
  project.provide("installed", installed);
  project.provide("pubsub", pubsub.host);
  return pubsub.stop;
}
