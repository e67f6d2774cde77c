import { join } from "node:path";
import { evaluate } from "../../retrain/evaluate.ts";
import type { Model } from "../../retrain/model.ts";
import { fileAlerts } from "../../retrain/release/alert-sinks.ts";
import { approve, promote, type ReleaseEnv, releaseStatus, submit } from "../../retrain/release/release.ts";
import type { Environment } from "../environment.ts";
import type { Stopwatch } from "./stopwatch.ts";

/** Rows that a model is judged on, and rows that its policy is run on. */
const judgedRows = { rows: 40_000, policyRows: 20_000 };

/** The release desk: Ada submits, Ben approves. */
export class Releases {
  readonly evaluations: Awaited<ReturnType<typeof evaluate>>[] = [];
  readonly #world: Environment;
  readonly #watch: Stopwatch;

  constructor(world: Environment, watch: Stopwatch) {
    this.#world = world;
    this.#watch = watch;
  }

  as(person: "ada" | "ben" | "inboxloop"): ReleaseEnv {
    const { home, now } = this.#world;
    return {
      log: home.releaseLog,
      now,
      by: person,
      alerts: [{ name: "alerts.ndjson", send: fileAlerts(join(home.root, "alerts.ndjson")).send }],
    };
  }

  async stageOf(model: Model): Promise<string | undefined> {
    return (await releaseStatus(this.#world.home.releaseLog)).state.versions.get(model.name)?.stage;
  }

  async submit(model: Model, champion: Model | undefined, despite: string | undefined): Promise<void> {
    const { home, signal, console } = this.#world;
    const progress = console.progress(`evaluate ${model.name}`);
    const evaluation = await this.#watch.time("evaluate", () =>
      evaluate(
        {
          snapshots: home.snapshots,
          models: home.models,
          signal,
          onProgress: (_step, done, total) => progress.update(done, total, "outcomes"),
        },
        { candidate: model.name, champion: champion?.name, ...judgedRows },
      ),
    );
    this.evaluations.push(evaluation);
    const failed = evaluation.guardrails.filter(({ verdict }) => verdict === "fail").map(({ id }) => id);
    progress.done(`${evaluation.verdict}${failed.length > 0 ? `: ${failed.join(", ")}` : ""}`);
    if ((await this.stageOf(model)) !== undefined) return;
    await submit(this.as("ada"), {
      version: model.name,
      model: model.digest,
      snapshot: model.record.lineage.snapshot.content.value,
      evaluation: { verdict: evaluation.verdict, champion: champion?.name ?? null, failed },
    });
    await approve(
      this.as("ben"),
      model.name,
      evaluation.verdict === "pass" ? {} : { despite: despite ?? "nothing to compare with yet" },
    );
  }

  /** The first champion has nobody to be compared with. */
  async bootstrap(model: Model): Promise<void> {
    await this.submit(model, undefined, "the first model: there is nobody to compare it with");
    if ((await this.stageOf(model)) === "approved") await promote(this.as("ben"), model.name);
  }
}
