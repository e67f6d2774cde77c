import { existsSync } from "node:fs";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";
import { exitCodes, UserError } from "../../../errors/user-error.ts";
import { deletionsJournal, deletionsName } from "../../../governance/deletions.ts";
import { type PrivacyStatus, privacyStatus } from "../../../governance/erasure/status.ts";
import { isHashedId } from "../../../ingest/door/address.ts";
import { readSettings } from "../../../platform/settings.ts";
import { erasureJournal } from "../../../platform/tombstones.ts";
import { listModels } from "../../../scoring/model.ts";
import { withProject } from "../../dataform-project.ts";
import type { Environment } from "../../environment.ts";
import { ingestContext } from "../ingest/context.ts";
import { readPerson } from "./export.ts";
import {
  defaultDays,
  type Erased,
  type ErasureWorld,
  eraseFromHome,
  idsOf,
  readmitToHome,
  workOf,
} from "./home-erasure.ts";
import { openRaw, type PeopleInBigQuery } from "./raw-of-people.ts";
import { renderErased, renderStatus, renderVerified } from "./render.ts";
import { verifyHome } from "./verify-home.ts";

interface EraseOptions {
  readonly pending?: boolean;
  readonly dryRun?: boolean;
  readonly shredUnreadable?: boolean;
}

/** `inboxloop privacy erase`. */
export async function eraseCommand(
  environment: Environment,
  who: readonly string[],
  options: EraseOptions,
): Promise<void> {
  if (options.pending === true && who.length > 0) {
    throw new UserError("--pending is about the requests that came in, and somebody is named as well", {
      code: "privacy.who",
      exit: "usage",
      next: "inboxloop privacy erase --pending, or without it",
    });
  }
  refuseBucket(environment);
  const progress = environment.console.progress("erase");
  const world = worldOf(environment, options.shredUnreadable === true, (holding, done, total) =>
    progress.update(done, total, holding),
  );
  const named = who.length === 0 ? ("pending" as const) : await namedIn(environment, who);
  const now = environment.now().toISOString();
  const requests = named === "pending" ? named : idsOf(world.context, named).map((ids) => ({ ids, requested_at: now }));
  const outcomes = await eraseFromHome(world, requests, { dryRun: options.dryRun === true });
  progress.done();
  environment.console.result(outcomes.map(asData), () => renderErased(outcomes));
  if (outcomes.some(({ kind }) => kind === "waiting")) process.exitCode = exitCodes.check;
}

/** `inboxloop privacy status`. */
export async function statusCommand(environment: Environment): Promise<void> {
  const world = worldOf(environment, false);
  const raw = await openRaw(world);
  let status: PrivacyStatus;
  try {
    const models = await listModels(await environment.target.models.refresh());
    status = privacyStatus({
      entries: (await world.journal.read()).entries,
      pending: await raw.pendingRequests(),
      models: new Set(models.map(({ record }) => record.name)),
      isUnderWay: existsSync(workOf(environment.home)),
      dueDays: world.dueDays,
      now: environment.now(),
    });
  } finally {
    await raw.close();
  }
  environment.console.result(status, () => renderStatus(status));
  if (status.overdue > 0 || status.models.some(({ is_overdue }) => is_overdue)) process.exitCode = exitCodes.check;
}

/** `inboxloop privacy verify`. Exit code 4 when somebody who was erased is still named, or a file could not be read. */
export async function verifyCommand(environment: Environment): Promise<void> {
  const progress = environment.console.progress("verify");
  const found = await verifyHome(worldOf(environment, false), (done, total) => progress.update(done, total, "files"));
  const isClean = found.findings.length === 0 && found.unread.length === 0;
  progress.done(isClean ? "nothing found" : "found");
  environment.console.result({ ok: isClean, ...found }, () => renderVerified(found));
  if (!isClean) process.exitCode = exitCodes.check;
}

/** `inboxloop privacy readmit`. */
export async function readmitCommand(
  environment: Environment,
  who: string,
  { reason }: { readonly reason: string },
): Promise<void> {
  const [name, more] = await namedIn(environment, [who]);
  if (name === undefined || more !== undefined) throw onePerson("readmit");
  const world = worldOf(environment, false);
  const [ids = []] = idsOf(world.context, [name]);
  const outcome = await readmitToHome(world, ids, reason);
  environment.console.result(
    outcome,
    () => `from now on what comes of this person is taken in; what was erased stays erased\nnext: inboxloop build`,
  );
}

const onePerson = (verb: string): UserError =>
  new UserError(`${verb} is about one person, and several are named`, {
    code: "privacy.one-person",
    exit: "usage",
    next: `inboxloop privacy ${verb} --help`,
  });

/** `inboxloop privacy export`. */
export async function exportCommand(
  environment: Environment,
  who: string,
  { out }: { readonly out?: string },
): Promise<void> {
  const names = await namedIn(environment, [who]);
  if (names.length !== 1) throw onePerson("export");
  const world = worldOf(environment, false);
  const [ids = []] = idsOf(world.context, names);
  const found = await readPerson(world, ids);
  const lines = found.rows.map(({ table, row }) => `${JSON.stringify({ table, row })}\n`).join("");
  if (out === undefined) {
    environment.console.result(found, () => lines);
    return;
  }
  const path = resolve(environment.cwd, out);
  await writeFile(path, lines, { mode: 0o600 });
  await chmod(path, 0o600);
  const summary = { ids: found.ids, linked: found.linked, rows: found.rows.length, out };
  environment.console.result(
    summary,
    () => `${found.rows.length} rows of ${found.ids} ids (${found.linked} linked): ${out}`,
  );
}

function worldOf(environment: Environment, shredsUnreadable: boolean, onStep?: ErasureWorld["onStep"]): ErasureWorld {
  const { target, home, signal } = environment;
  const { privacy } = readSettings(environment.cwd);
  return {
    home,
    context: ingestContext(environment, { trustReceivedAt: false }),
    journal: target.journal("governance/erasures", erasureJournal),
    refreshViews: async () => (await target.openWarehouse()).close(),
    bigQuery: peopleInBigQuery(environment),
    dueDays: privacy.erase_within_days ?? defaultDays.dueDays,
    retrainDays: privacy.retrain_within_days ?? defaultDays.retrainDays,
    shredsUnreadable,
    signal,
    onStep,
  };
}

/** The target's BigQuery; undefined where raw rows are on this machine. Its tables are those of the datasets that the project here makes tables in. */
function peopleInBigQuery(environment: Environment): PeopleInBigQuery | undefined {
  const { target } = environment;
  if (target.kind !== "bigquery") return undefined;
  let datasets: Promise<readonly string[]> | undefined;
  return {
    openWarehouse: () => target.openWarehouse(),
    datasets: () => {
      // What a project only declares is somebody else's.
      datasets ??= withProject(environment, {}, async ({ graph }) =>
        graph.actions.filter(({ kind }) => kind !== "declaration").map(({ target: { schema } }) => schema),
      );
      return datasets;
    },
    deletions: target.journal(deletionsName, deletionsJournal),
  };
}

/** What is named: pseudonymous ids as they are, otherwise the lines of files and of standard input. */
async function namedIn(environment: Environment, who: readonly string[]): Promise<readonly string[]> {
  const named: string[] = [];
  for (const one of who) {
    if (isHashedId(one)) {
      named.push(one);
      continue;
    }
    const path = resolve(environment.cwd, one);
    // What was given may be an address: it is not repeated.
    if (one !== "-" && !existsSync(path)) {
      throw new UserError("neither a pseudonymous id (sha256:...) nor a file", {
        code: "privacy.who",
        exit: "usage",
        where: `argument ${who.indexOf(one) + 1}`,
        next: "put addresses into a file, or: inboxloop privacy erase - < file (a command line ends up in the shell's history)",
      });
    }
    const content = one === "-" ? await text(process.stdin) : await readFile(path, "utf8");
    named.push(
      ...content
        .split(/\r?\n/)
        .map((line) => line.trim())
        .filter((line) => line !== ""),
    );
  }
  if (named.length === 0) {
    throw new UserError("nobody is named", {
      code: "privacy.who",
      exit: "usage",
      next: "inboxloop privacy erase --help",
    });
  }
  return [...new Set(named)];
}

/** Refuses where snapshots are in a bucket: they would keep the people. */
export function refuseBucket({ target }: Environment): void {
  if (!target.snapshots.where.startsWith("gs://")) return;
  throw new UserError("snapshots in a bucket are not reached, and they may hold these people", {
    code: "privacy.bucket",
    exit: "config",
    where: target.snapshots.where,
    next: "docs/reference/privacy.md says what to do",
  });
}

/** For `--json`: no id of anybody. */
function asData(outcome: Erased): unknown {
  const { plan } = outcome;
  const about = plan && {
    people: plan.people,
    ids: plan.subject.ids.length,
    linked_ids: plan.linked,
    held_back: plan.held,
    found: plan.found,
  };
  switch (outcome.kind) {
    case "planned":
      return { kind: outcome.kind, ...about };
    case "nothing":
      return { kind: outcome.kind, is_erased_already: outcome.isErasedAlready, ...about };
    case "waiting":
      return { kind: outcome.kind, erasure_id: outcome.erasure_id, waiting: outcome.waiting };
    case "done":
      return { kind: outcome.kind, is_resumed: outcome.isResumed, ...about, receipt: outcome.receipt };
  }
}
