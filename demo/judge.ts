import type { Environment } from "../cli/environment.ts";
import { failedGuardrails } from "../policy/guardrails.ts";
import type { EvaluateRequest, Evaluation } from "../retrain/evaluate/evaluate.ts";
import type { FeatureColumns } from "../scoring/feature-columns.ts";
import type { Model } from "../scoring/model.ts";
import type { JudgeNote, JudgeRequest } from "./judge-process.ts";
import { SideProcess } from "./side-process.ts";
import type { Stopwatch } from "./stopwatch.ts";

const memoryMb = 800;

/** Evaluates models and runs their policies, one evaluation and one policy at a time, beside what the main thread does. */
export class Judge {
  readonly #world: Environment;
  readonly #watch: Stopwatch;
  readonly #evaluating: SideProcess<JudgeRequest, JudgeNote>;
  readonly #deciding: SideProcess<JudgeRequest, JudgeNote>;

  constructor(world: Environment, watch: Stopwatch) {
    this.#world = world;
    this.#watch = watch;
    this.#evaluating = new SideProcess("./judge-process", import.meta.url, memoryMb, world.signal);
    this.#deciding = new SideProcess("./judge-process", import.meta.url, memoryMb, world.signal);
  }

  evaluate(request: EvaluateRequest): Promise<Evaluation> {
    const { snapshots, models } = this.#world.home;
    return this.#watch.time("evaluate", async () => {
      const progress = this.#world.console.progress(`evaluate ${request.candidate}`);
      const evaluation = await this.#evaluating.ask<Evaluation>(
        { kind: "evaluate", snapshots, models, request },
        ({ done, total }) => progress.update(done, total, "outcomes"),
      );
      const failed = failedGuardrails(evaluation.guardrails);
      progress.done(`${evaluation.verdict}${failed.length > 0 ? `: ${failed.join(", ")}` : ""}`);
      return evaluation;
    });
  }

  decide(model: Model, columns: FeatureColumns, rows: number): Promise<readonly (string | null)[]> {
    return this.#watch.time("decide", () => this.#deciding.ask({ kind: "decide", model, columns, rows }));
  }

  async close(): Promise<void> {
    await Promise.all([this.#evaluating.close(), this.#deciding.close()]);
  }
}
