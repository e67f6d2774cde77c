import { z } from "zod";
import { exitCodes, UserError } from "../../errors/user-error.ts";
import { readHomeText, writeWhole } from "../../platform/home-files.ts";
import type { CyclePolicy } from "../../retrain/cycle/cycle-policy.ts";
import { type CycleSignals, decideRetrain, type RetrainDecision } from "../../retrain/cycle/decide-retrain.ts";
import { type Step, trainingSteps, watchingSteps } from "./plan-turn.ts";

/** What a command said: its exit code, and its result as data where it gave one. */
export interface Ran {
  readonly code: number;
  readonly result: unknown;
  readonly error: string;
}

export interface TurnEnv {
  /** Runs a command line of this program, with --json. */
  readonly run: (words: readonly string[]) => Promise<Ran>;
  /** What is seen once the watching steps are done. */
  readonly signals: () => Promise<CycleSignals>;
  readonly standing: () => Promise<{ readonly champion: string | null; readonly canary: string | null }>;
  /** Whether the version of a turn is there: trained, or submitted. A run that died before it wrote that down finds it so. */
  readonly isThere: (step: "train" | "submit", name: string) => Promise<boolean>;
  readonly now: () => Date;
  /** File that a turn under way is written to, step by step. */
  readonly state: string;
  /** Whether somebody's key is at hand to sign a submission. */
  readonly hasKey: boolean;
  /** Options of build and snapshot: --project and --vars. */
  readonly build: readonly string[];
  readonly note: (line: string) => void;
  readonly signal?: AbortSignal;
}

const stepResult = z.strictObject({
  step: z.string(),
  command: z.string(),
  code: z.int(),
  verdict: z.string().nullable(),
});
const decision = z.strictObject({
  retrain: z.boolean(),
  reasons: z
    .array(
      z.strictObject({
        trigger: z.enum(["first", "schedule", "drift", "scores", "estimates", "labels", "kpi"]),
        why: z.string(),
      }),
    )
    .readonly(),
  held: z.string().nullable(),
});
const turnState = z.strictObject({
  name: z.string(),
  began_at: z.string(),
  steps: z.array(stepResult),
  decision: decision.nullable(),
});
type TurnState = z.infer<typeof turnState>;

export interface Turn extends TurnState {
  /** Whether it goes on where an earlier run of it was interrupted. */
  readonly resumed: boolean;
  readonly outcome: "watched" | "submitted" | "not-submitted" | "stopped";
  /** What is somebody's to do now; null: nothing. */
  readonly next: string | null;
  readonly exit: number;
}

/** What a turn would run, as far as it can be known without running anything. */
export async function planTurn(policy: CyclePolicy, env: TurnEnv) {
  const { champion, canary } = await env.standing();
  const { state } = await openTurn(env);
  const watching = watchingSteps(canary, env.build);
  const found: RetrainDecision = decideRetrain(policy, await env.signals());
  const training = found.retrain ? trainingSteps(policy, state.name, champion, env.build) : [];
  return { name: state.name, decision: found, steps: [...watching, ...training] };
}

/**
 * One turn: build, look at a running canary, see what moved, and where that asks for it freeze, train, evaluate and submit. Approves nothing. Each step is a
 * command; what is done is written down, and a turn that was interrupted goes on with the first step that is not.
 */
export async function runTurn(policy: CyclePolicy, env: TurnEnv): Promise<Turn> {
  const { state: opened, resumed } = await openTurn(env);
  let state = opened;
  const keep = async (next: TurnState): Promise<void> => {
    state = next;
    await writeWhole(env.state, `${JSON.stringify(state, null, 2)}\n`);
  };
  const end = async (outcome: Turn["outcome"], next: string | null, exit: number): Promise<Turn> => {
    // A turn that stopped is gone on with; one that came to its end begins anew.
    if (outcome !== "stopped") await writeWhole(env.state, "null\n");
    return { ...state, resumed, outcome, next, exit };
  };
  const done = (step: Step["step"]) => state.steps.find((one) => one.step === step);
  const take = async ({ step, words }: Step): Promise<z.infer<typeof stepResult>> => {
    const there = done(step);
    if (there) return there;
    if (resumed && (step === "train" || step === "submit") && (await env.isThere(step, state.name))) {
      const found = { step, command: `inboxloop ${words.join(" ")}`, code: 0, verdict: null };
      await keep({ ...state, steps: [...state.steps, found] });
      return found;
    }
    env.signal?.throwIfAborted();
    env.note(`${step}: inboxloop ${words.join(" ")}`);
    const { code, result, error } = await env.run(words);
    const found = { step, command: `inboxloop ${words.join(" ")}`, code, verdict: verdictOf(result) };
    const isAnswer =
      code === 0 || (code === exitCodes.check && (step === "check" || step === "evaluate") && found.verdict !== null);
    if (!isAnswer) {
      throw new UserError(`${step} ended with exit code ${code}${error === "" ? "" : `: ${error}`}`, {
        code: "cycle.step",
        exit: "check",
        where: found.command,
        next: "mend what it says, then: inboxloop cycle (it goes on with this step)",
      });
    }
    await keep({ ...state, steps: [...state.steps, found] });
    return found;
  };

  await keep(state);
  const standing = await env.standing();
  let rolledBack = false;
  for (const step of watchingSteps(standing.canary, env.build))
    rolledBack = (await take(step)).code === exitCodes.check || rolledBack;
  const exit = rolledBack ? exitCodes.check : 0;
  if (state.decision === null) await keep({ ...state, decision: decideRetrain(policy, await env.signals()) });
  if (!state.decision!.retrain) return end("watched", null, exit);

  const { champion } = await env.standing();
  for (const step of trainingSteps(policy, state.name, champion, env.build)) {
    if (step.step === "submit") {
      const { verdict } = done("evaluate")!;
      if (verdict === "fail" || verdict === "not-measurable")
        return end("not-submitted", `inboxloop evaluate --candidate ${state.name}`, exitCodes.check);
      if (!env.hasKey) return end("not-submitted", `inboxloop release submit ${state.name} --key <yours>`, exit);
    }
    await take(step);
  }
  return end("submitted", `inboxloop release approve ${state.name}, by somebody else`, exit);
}

const verdicts = z.object({ verdict: z.string().optional(), check: z.object({ verdict: z.string() }).optional() });
function verdictOf(result: unknown): string | null {
  const parsed = verdicts.safeParse(result);
  return parsed.success ? (parsed.data.verdict ?? parsed.data.check?.verdict ?? null) : null;
}

async function openTurn(env: TurnEnv): Promise<{ readonly state: TurnState; readonly resumed: boolean }> {
  const text = await readHomeText(env.state).catch(() => "null");
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    data = null;
  }
  const parsed = turnState.safeParse(data);
  if (parsed.success) return { state: parsed.data, resumed: true };
  const began = env.now();
  const name = `cycle-${began.toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "-")}`;
  return { state: { name, began_at: began.toISOString(), steps: [], decision: null }, resumed: false };
}
