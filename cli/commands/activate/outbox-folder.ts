import { join } from "node:path";
import type { Home } from "../../../platform/home.ts";

/** Where this machine's outbox lives. */
export const outboxOf = (home: Pick<Home, "root">): string => join(home.root, "outbox");
