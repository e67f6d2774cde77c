import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { z } from "zod";
import { UserError } from "../errors/user-error.ts";
import type { Assignment } from "./canary.ts";

const line = z.object({
  user_id: z.string().min(1),
  arm: z.string().min(1),
  variant: z.string().min(1),
  model_version: z.string().min(1),
  sent_at: z.iso.datetime({ offset: true }).optional(),
});

/**
 * Reads assignments, one JSON object a line: user_id, arm, variant (or `suppress`), model_version, and sent_at where it
 * matters. Throws a `UserError` that names the line.
 */
export async function* readAssignments(path: string): AsyncIterable<Assignment> {
  const input = createReadStream(path, "utf8");
  let number = 0;
  const refuse = (what: string): UserError =>
    new UserError(`this is no assignment: ${what}`, {
      code: "simulate.assignment",
      exit: "usage",
      where: `${path}:${number}`,
      next: `one line looks like {"user_id":"user1@gmail.example","arm":"candidate","variant":"plain","model_version":"m2"}`,
    });
  try {
    for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      number++;
      if (text.trim() === "") continue;
      let value: unknown;
      try {
        value = JSON.parse(text);
      } catch {
        throw refuse("not JSON");
      }
      const read = line.safeParse(value);
      if (!read.success) {
        throw refuse(
          read.error.issues.map((issue) => `${issue.path.join(".") || "line"}: ${issue.message}`).join("; "),
        );
      }
      const { user_id, arm, variant, model_version, sent_at } = read.data;
      yield {
        userId: user_id,
        arm,
        variant,
        modelVersion: model_version,
        ...(sent_at === undefined ? {} : { sentAt: Date.parse(sent_at) }),
      };
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      throw new UserError(`there is no file ${path}`, { code: "simulate.no-file", exit: "usage", where: path });
    }
    throw error;
  } finally {
    input.destroy();
  }
}
