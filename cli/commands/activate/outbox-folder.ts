import { join } from "node:path";
import type { Environment } from "../../environment.ts";

/** Where this machine's outbox lives. */
export const outboxOf = (world: Environment): string => join(world.home.root, "outbox");
