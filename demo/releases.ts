import { join } from "node:path";
import type { Environment } from "../cli/environment.ts";
import { failedGuardrails } from "../policy/guardrails.ts";
import { fileAlerts } from "../release/alert-sinks.ts";
import type { CanaryCounts } from "../release/canary/check-canary.ts";
import { approve, promote, type ReleaseEnv, releaseStatus, submit } from "../release/release.ts";
import type { Evaluation } from "../retrain/evaluate/evaluate.ts";
import type { Model } from "../scoring/model.ts";
import type { Judge } from "./judge.ts";

/** Rows that a model is judged on, and rows that its policy is run on. */
const judgedRows = { rows: 40_000, policyRows: 20_000 };

/** The release desk: Ada submits, Ben approves. */
export class Releases {
  /** In the order in which the candidates were submitted. */
  readonly evaluations: Evaluation[] = [];
  readonly #world: Environment;
  readonly #judge: Judge;

  constructor(world: Environment, judge: Judge) {
    this.#world = world;
    this.#judge = judge;
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
    return (await this.#stateOf(model))?.stage;
  }

  /** What was seen at each look at its canary so far. */
  async looksAt(model: Model): Promise<readonly CanaryCounts[]> {
    return (await this.#stateOf(model))?.canary?.looks ?? [];
  }

  async #stateOf(model: Model) {
    return (await releaseStatus(this.#world.home.releaseLog)).state.versions.get(model.name);
  }

  evaluate(model: Model, champion: Model | undefined): Promise<Evaluation> {
    return this.#judge.evaluate({ candidate: model.name, champion: champion?.name, ...judgedRows });
  }

  async submit(model: Model, evaluation: Evaluation, despite: string | undefined): Promise<void> {
    this.evaluations.push(evaluation);
    if ((await this.stageOf(model)) !== undefined) return;
    const { verdict, champion, guardrails } = evaluation;
    await submit(this.as("ada"), {
      version: model.name,
      model: model.digest,
      snapshot: model.record.lineage.snapshot.content.value,
      evaluation: { verdict, champion: champion?.name ?? null, failed: failedGuardrails(guardrails) },
    });
    await approve(
      this.as("ben"),
      model.name,
      verdict === "pass" ? {} : { despite: despite ?? "a demo goes on to the canary" },
    );
  }

  /** The first champion has nobody to be compared with. */
  async bootstrap(model: Model): Promise<void> {
    const evaluation = await this.evaluate(model, undefined);
    await this.submit(model, evaluation, "the first model: there is nobody to compare it with");
    if ((await this.stageOf(model)) === "approved") await promote(this.as("ben"), model.name);
  }
}
