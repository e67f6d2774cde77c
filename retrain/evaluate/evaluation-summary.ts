import { z } from "zod";
import { UserError } from "../../errors/user-error.ts";
import { guardrailResult, verdict } from "../../policy/guardrails.ts";

const named = z.object({ name: z.string(), digest: z.string() });
const summary = z.object({
  verdict,
  candidate: named,
  champion: named.nullable(),
  guardrails: z.array(guardrailResult),
});
export type EvaluationSummary = z.infer<typeof summary>;

/** What a submission needs of an evaluation that was written as JSON; refuses one of another model. */
export function evaluationSummary(text: string, file: string, model: string): EvaluationSummary {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    data = undefined;
  }
  const parsed = summary.safeParse(data);
  if (!parsed.success) {
    throw new UserError("not an evaluation", {
      code: "release.evaluation",
      exit: "usage",
      where: `${file} ${parsed.error.issues[0]?.path.join(".") ?? ""}: ${parsed.error.issues[0]?.message ?? ""}`,
      next: "inboxloop evaluate --candidate <model> --json > evaluation.json",
    });
  }
  if (parsed.data.candidate.digest !== model) {
    throw new UserError(`the evaluation is of ${parsed.data.candidate.name}, another model`, {
      code: "release.evaluation",
      exit: "usage",
      where: file,
      next: "inboxloop evaluate --candidate <model> --json > evaluation.json",
    });
  }
  return parsed.data;
}
