import type { RegisterCommand } from "../command.ts";
import { type DeciderOptions, decided, deciding, governanceOf } from "../deciding.ts";
import { show } from "./release/render.ts";

export const register: RegisterCommand = (program, environment) => {
  const noun = program
    .command("change")
    .description("Who may change what runs: proposals, approvals and pauses, signed, in the same log as releases");

  const thingOf = async (kind: string, name: string) => {
    const { runningThings } = await import("../running-things.ts");
    const { UserError } = await import("../../errors/user-error.ts");
    const things = await runningThings(environment());
    const found = things.find((t) => t.thing === kind && t.name === name);
    if (found) return found;
    throw new UserError(`nothing that runs is the ${kind} "${name}"`, {
      code: "change.no-thing",
      exit: "usage",
      next: "inboxloop change list",
    });
  };

  decided(noun.command("propose <kind> <name>").description("Offer what runs now for approval, by its digest"))
    .option("--note <text>", "a word to the approver")
    .action(async (kind: string, name: string, options: DeciderOptions & { note?: string }) => {
      const { propose } = await import("../../release/changes.ts");
      const env = await deciding(environment(), options);
      show(environment(), await propose(env, await thingOf(kind, name), options.note));
    });

  decided(noun.command("approve <kind> <name>").description("Let it run; by somebody other than its proposer"))
    .option("--note <text>", "a word for the log")
    .action(async (kind: string, name: string, options: DeciderOptions & { note?: string }) => {
      const { approveChange } = await import("../../release/changes.ts");
      const env = await deciding(environment(), options);
      show(environment(), await approveChange(env, await thingOf(kind, name), options.note));
    });

  decided(noun.command("reject <kind> <name>").description("Do not let it run"))
    .requiredOption("--reason <text>", "why")
    .action(async (kind: string, name: string, options: DeciderOptions & { reason: string }) => {
      const { rejectChange } = await import("../../release/changes.ts");
      const env = await deciding(environment(), options);
      show(environment(), await rejectChange(env, await thingOf(kind, name), options.reason));
    });

  noun
    .command("list")
    .description("Everything that runs and is somebody's to change: kind, name, risk, digest, whether it is approved")
    .action(async () => {
      const { runningThings } = await import("../running-things.ts");
      const { readPeople } = await import("../../release/control/people.ts");
      const { riskOf } = await import("../../release/control/rights.ts");
      const { releaseStatus } = await import("../../release/decide.ts");
      const { changeKey } = await import("../../release/state.ts");
      const { renderTable } = await import("../table.ts");
      const world = environment();
      const people = await readPeople(governanceOf(world));
      const { state } = await releaseStatus(world.releaseLog);
      const rows = (await runningThings(world)).map((thing) => ({
        ...thing,
        risk: people ? riskOf(people.rights, thing.thing) : null,
        status: state.changes.get(changeKey(thing))?.status ?? "unknown",
      }));
      world.console.result(rows, () =>
        renderTable(
          ["kind", "name", "risk", "status", "digest"].map((title) => ({ title })),
          rows.map((r) => [r.thing, r.name, r.risk ?? "", r.status, r.digest.slice(0, 16)]),
        ),
      );
    });

  noun
    .command("log")
    .description("Every decision, the oldest first; the chain of hashes is checked as it is read")
    .action(async () => {
      const { releaseStatus } = await import("../../release/decide.ts");
      const { renderLog } = await import("./release/render.ts");
      const status = await releaseStatus(environment().releaseLog);
      environment().console.result(status.entries, () => renderLog(status));
    });

  noun
    .command("anchor")
    .description("A line to keep where nobody who may write the log may write: its length and its head")
    .action(async () => {
      const { anchorLog, readLog } = await import("../../release/log.ts");
      const world = environment();
      const anchor = anchorLog(await readLog(world.releaseLog), world.now());
      world.console.result(anchor, () => JSON.stringify(anchor));
    });

  noun
    .command("adopt <file>")
    .description(
      "Take a release log in a file over, whole, as the target's own, which must be empty; signatures and anchors hold",
    )
    .action(async (file: string) => {
      const { adoptLog, readLog } = await import("../../release/log.ts");
      const { verifySignatures } = await import("../../release/decide.ts");
      const { readPeople } = await import("../../release/control/people.ts");
      const { releaseLogFile } = await import("../release-log.ts");
      const world = environment();
      const from = releaseLogFile(file);
      const log = await readLog(from);
      verifySignatures(log, await readPeople(governanceOf(world)), from);
      const entries = await adoptLog(world.releaseLog, log);
      const found = { entries: entries.length, head: log.head, where: world.releaseLog.where };
      world.console.result(found, () => `${found.entries} entries are in ${found.where} now; head ${found.head}`);
    });

  noun
    .command("verify")
    .description(
      "Check the log: hashes, order of time, every signature; and against anchors, that nothing was cut or rewritten",
    )
    .option("--anchor <file>", "lines of `inboxloop change anchor`, kept elsewhere")
    .action(async (options: { anchor?: string }) => {
      const { readFile } = await import("node:fs/promises");
      const { readLog, verifyAnchors, logName } = await import("../../release/log.ts");
      const { parseAnchors } = await import("../../platform/journal/anchor.ts");
      const { verifySignatures } = await import("../../release/decide.ts");
      const { readPeople } = await import("../../release/control/people.ts");
      const world = environment();
      const log = await readLog(world.releaseLog);
      const people = await readPeople(governanceOf(world));
      verifySignatures(log, people, world.releaseLog);
      const anchors =
        options.anchor === undefined
          ? []
          : parseAnchors(await readFile(options.anchor, "utf8"), logName, options.anchor);
      verifyAnchors(log, anchors, world.releaseLog);
      const signed = log.entries.filter(({ signature }) => signature !== null).length;
      const found = { entries: log.entries.length, signed, head: log.head, anchors: anchors.length };
      world.console.result(found, () =>
        [
          `${found.entries} entries, ${found.signed} signed by their authors, whole`,
          anchors.length > 0
            ? `holds ${found.anchors} ${found.anchors === 1 ? "anchor" : "anchors"}`
            : "no anchor given: a cut tail would not be noticed (inboxloop change anchor)",
          `head ${found.head}`,
        ].join("\n"),
      );
    });
};
