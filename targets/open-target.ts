import { readSettings, targetNamed } from "../platform/settings.ts";
import { bigQueryTarget } from "./bigquery.ts";
import { localTarget } from "./local.ts";
import type { Target, TargetWorld } from "./target.ts";

/** The target that a command works on. `asked` and `home` are its options; inboxloop.yaml is read where it was started. */
export function openTarget(world: TargetWorld, asked: string | undefined, home: string | undefined): Target {
  const { name, settings } = targetNamed(readSettings(world.cwd), asked ?? world.settings["INBOXLOOP_TARGET"]);
  return settings.kind === "local"
    ? localTarget(name, settings, world, home)
    : bigQueryTarget(name, settings, world, home);
}
