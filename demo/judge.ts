import type { Environment } from "../cli/environment.ts";
import { failedGuardrails } from "../policy/guardrails.ts";
import type { EvaluateRequest, Evaluation } from "../retrain/evaluate/evaluate.ts";
import type { JudgeNote, JudgeRequest } from "./judge-process.ts";
import { SideProcess } from "./side-process.ts";
import type { Stopwatch } from "./stopwatch.ts";

const memoryMb = 800;

/** Evaluates models, one at a time, beside what the main thread does. */
export class Judge {
  readonly #world: Environment;
  readonly #watch: Stopwatch;
  readonly #evaluating: SideProcess<JudgeRequest, JudgeNote>;

  constructor(world: Environment, watch: Stopwatch) {
    this.#world = world;
    this.#watch = watch;
    this.#evaluating = new SideProcess("./judge-process", import.meta.url, memoryMb, world.signal);
  }

  evaluate(request: EvaluateRequest): Promise<Evaluation> {
    const { snapshots, models } = this.#world.home;
    return this.#watch.time("evaluate", async () => {
      const progress = this.#world.console.progress(`evaluate ${request.candidate}`);
      const evaluation = await this.#evaluating.ask<Evaluation>({ snapshots, models, request }, ({ done, total }) =>
        progress.update(done, total, "outcomes"),
      );
      const failed = failedGuardrails(evaluation.guardrails);
      progress.done(`${evaluation.verdict}${failed.length > 0 ? `: ${failed.join(", ")}` : ""}`);
      return evaluation;
    });
  }

  async close(): Promise<void> {
    await this.#evaluating.close();
  }
}
