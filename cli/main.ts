#!/usr/bin/env node
import { exitCodes, UserError } from "../errors/user-error.ts";
import { createProgram, reportError } from "./program.ts";
import { statementLast } from "./statement-last.ts";

const interrupted = new AbortController();

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(exitCodes.pipeClosed);
  throw error;
});
// Nobody listens any more: a collector has work to do all the same.
process.stderr.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.once(name, () => {
    interrupted.abort(new UserError("interrupted", { code: "cli.interrupted", exit: "interrupted" }));
  });
}

try {
  await createProgram(interrupted.signal).parseAsync(statementLast(process.argv.slice(2)), { from: "user" });
} catch (error) {
  process.exitCode = reportError(error, interrupted.signal, (text) => process.stderr.write(text));
}
