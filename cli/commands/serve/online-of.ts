import { join } from "node:path";
import type { Environment } from "../../environment.ts";

/** Where this machine's online store lives. */
export const onlineOf = (world: Environment): string => join(world.home.root, "online");
