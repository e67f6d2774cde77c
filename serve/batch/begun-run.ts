import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../../errors/user-error.ts";
import { readHomeText, writeWhole } from "../../platform/home-files.ts";
import { canonicalJson } from "../../platform/journal/canonical-json.ts";
import type { LoadedPolicy } from "../../policy/load-policy.ts";
import type { Lineup } from "../models-in-force.ts";

export interface BatchRequest {
  /** Most important last or first does not matter: policies have priorities. */
  readonly campaigns: readonly { readonly campaign_id: string; readonly policy: LoadedPolicy; readonly text: string }[];
  /** Names the mailing: the same campaign, occasion and person is decided once. */
  readonly occasion: string;
  readonly now: number;
  readonly lineup: Lineup;
}

const namedModel = z.strictObject({ version: z.string(), digest: z.string(), artefact: z.string() });
/** What a run was begun with: whoever resumes it goes on with the very same, whatever was released since. */
const runShape = z.strictObject({
  schema: z.literal("1"),
  occasion: z.string(),
  now: z.number(),
  lineup: z.strictObject({
    champion: namedModel.nullable(),
    canary: namedModel.extend({ share: z.number() }).nullable(),
    shadow: namedModel.nullable(),
  }),
  campaigns: z.array(
    z.strictObject({ campaign_id: z.string(), text: z.string(), file: z.string(), digest: z.string() }),
  ),
});
export type Run = z.infer<typeof runShape>;

/** The folder of a run: one for a set of campaigns and an occasion. */
export const runName = (request: BatchRequest): string =>
  `${request.campaigns
    .map(({ campaign_id }) => campaign_id)
    .sort()
    .join("+")}@${request.occasion}`.replace(/[^A-Za-z0-9._+@-]/g, "_");

/** What a request begins. */
export const runOf = ({ occasion, now, lineup, campaigns }: BatchRequest): Run => ({
  schema: "1",
  occasion,
  now,
  lineup,
  campaigns: campaigns.map(({ campaign_id, policy, text }) => ({
    campaign_id,
    text,
    file: policy.file,
    digest: policy.digest,
  })),
});

/** Begins a run in its folder, or goes on with the one that was begun there. Refuses one that was begun with other policies. */
export async function beginRun(folder: string, request: BatchRequest): Promise<Run> {
  const path = join(folder, "run.json");
  const there = await readJson(path);
  if (there === undefined) {
    const run = runOf(request);
    await mkdir(folder, { recursive: true });
    await writeWhole(path, `${JSON.stringify(run, null, 2)}\n`);
    return run;
  }
  const parsed = runShape.safeParse(there);
  if (!parsed.success)
    throw new UserError("the run that was begun cannot be read", {
      code: "decide.run",
      exit: "config",
      where: path,
      next: "remove the folder, and decide under another --occasion",
    });
  const wanted = (campaigns: Run["campaigns"]) =>
    canonicalJson(campaigns.map(({ campaign_id, digest }) => [campaign_id, digest]).sort());
  if (wanted(parsed.data.campaigns) !== wanted(runOf(request).campaigns))
    throw new UserError(`"${request.occasion}" was begun with another policy`, {
      code: "decide.policy-changed",
      exit: "check",
      where: path,
      next: "inboxloop decide --occasion <another name>",
    });
  return parsed.data;
}

/** A file as JSON; undefined where there is none. */
export async function readJson(path: string): Promise<unknown> {
  const text = await readHomeText(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  return text === undefined ? undefined : JSON.parse(text);
}
