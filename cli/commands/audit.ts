import { InvalidArgumentError } from "commander";
import type { RegisterCommand } from "../command.ts";
import { renderTable } from "../table.ts";

/** What `inboxloop demo` was fed with: the simulated sender's own files, as they are before the door. */
const senderFiles = "demo";

export const register: RegisterCommand = (program, environment) => {
  const noun = program.command("audit").description("Look for what must not be there");

  noun
    .command("pii [folder]")
    .description("Read every byte of the home, or of a folder, for what names people, in its encodings too")
    .option(
      "--leave-out <path>",
      `a folder or file below that is somebody else's; repeatable (default: ${senderFiles})`,
      (path: string, before: readonly string[] = []) => {
        if (path.startsWith("/") || path.split("/").includes("..")) {
          throw new InvalidArgumentError("it is a path below the folder that is read");
        }
        return [...before, path.replace(/\/+$/, "")];
      },
    )
    .addHelpText(
      "after",
      "\nFinds e-mail addresses, telephone numbers, IP addresses, coordinates, and what stands under keys like first_name;\nnames in free text it cannot tell, and a Message-ID where the id of a mail stands is none. What it finds is told by place, kind and encoding, never repeated.\nExit code 4 when something was found or a file could not be read.\n\nExamples:\n  inboxloop audit pii\n  inboxloop audit pii exports/ --json\n",
    )
    .action(async (folder: string | undefined, options: { leaveOut?: readonly string[] }) => {
      const { resolve } = await import("node:path");
      const { auditHome } = await import("../../governance/pii/audit-home.ts");
      const { exitCodes, UserError } = await import("../../errors/user-error.ts");
      const { existsSync } = await import("node:fs");
      const world = environment();
      const root = folder === undefined ? world.home.root : resolve(world.cwd, folder);
      if (!existsSync(root)) {
        throw new UserError("there is no such folder", { code: "audit.no-folder", exit: "usage", where: root });
      }
      const progress = world.console.progress("audit");
      const audit = await auditHome(root, {
        signal: world.signal,
        leaveOut: options.leaveOut ?? (folder === undefined ? [senderFiles] : []),
        onFile: (done, total) => progress.update(done, total, "files"),
      });
      const isClean = audit.findings.length === 0 && audit.unread.length === 0;
      progress.done(isClean ? "nothing found" : "found");
      world.console.result(audit, () =>
        [
          `${audit.files.toLocaleString("en-US")} files, ${audit.bytes.toLocaleString("en-US")} bytes, ${audit.texts.toLocaleString("en-US")} distinct texts; left out: ${audit.leftOut.join(", ") || "nothing"}`,
          ...(audit.findings.length > 0
            ? [
                renderTable(
                  [
                    { title: "file" },
                    { title: "place" },
                    { title: "kind" },
                    { title: "encoding" },
                    { title: "texts", align: "right" },
                    { title: "first" },
                  ],
                  audit.findings.map((f) => [f.file, f.place, f.kind, f.encoding, String(f.times), f.example]),
                ),
              ]
            : ["nothing that names a person"]),
          ...audit.unread.map(({ file, why }) => `could not be read: ${file} (${why})`),
        ].join("\n"),
      );
      if (!isClean) process.exitCode = exitCodes.check;
    });
};
