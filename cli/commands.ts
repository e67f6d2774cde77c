import type { RegisterCommand } from "./command.ts";
import { register as activate } from "./commands/activate.ts";
import { register as audit } from "./commands/audit.ts";
import { register as build } from "./commands/build.ts";
import { register as change } from "./commands/change.ts";
import { register as check } from "./commands/check.ts";
import { register as cycle } from "./commands/cycle.ts";
import { register as decide } from "./commands/decide.ts";
import { register as demo } from "./commands/demo.ts";
import { register as docs } from "./commands/docs.ts";
import { register as evaluate } from "./commands/evaluate.ts";
import { register as features } from "./commands/features.ts";
import { register as ingest } from "./commands/ingest.ts";
import { register as keys } from "./commands/keys.ts";
import { register as labels } from "./commands/labels.ts";
import { register as lineage } from "./commands/lineage.ts";
import { register as parity } from "./commands/parity.ts";
import { register as pause } from "./commands/pause.ts";
import { register as plan } from "./commands/plan.ts";
import { register as policy } from "./commands/policy.ts";
import { register as privacy } from "./commands/privacy.ts";
import { register as query } from "./commands/query.ts";
import { register as release } from "./commands/release.ts";
import { register as report } from "./commands/report.ts";
import { register as serve } from "./commands/serve.ts";
import { register as simulate } from "./commands/simulate.ts";
import { register as snapshot } from "./commands/snapshot.ts";
import { register as sources } from "./commands/sources.ts";
import { register as suppressions } from "./commands/suppressions.ts";
import { register as test } from "./commands/test.ts";
import { register as train } from "./commands/train.ts";
import { register as why } from "./commands/why.ts";

const commands: readonly RegisterCommand[] = [
  demo,
  ingest,
  suppressions,
  simulate,
  build,
  test,
  query,
  docs,
  plan,
  lineage,
  check,
  policy,
  parity,
  sources,
  labels,
  snapshot,
  train,
  evaluate,
  release,
  cycle,
  change,
  pause,
  keys,
  decide,
  activate,
  why,
  features,
  serve,
  report,
  audit,
  privacy,
];

/** Hangs every command on the program, in the order in which help shows them. */
export const registerCommands: RegisterCommand = (program, environment) => {
  for (const register of commands) register(program, environment);
};
