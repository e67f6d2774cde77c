import type { Environment } from "../cli/environment.ts";
import { provenanceOf } from "../cli/provenance.ts";
import { createSnapshot, type SnapshotRequest } from "../retrain/snapshot/snapshot.ts";
import { type TrainRequest, train } from "../retrain/trainer/train.ts";
import { aucInWords } from "../scoring/has-say.ts";
import type { Model } from "../scoring/model.ts";
import type { DemoResult } from "./demo-result.ts";
import { withWarehouse } from "./local-steps.ts";
import type { Stopwatch } from "./stopwatch.ts";

type Snapshot = DemoResult["snapshots"][number];

/** What a model learns whose mail has to be worth it, and what its policy counts. */
export const worthItsMail: Pick<TrainRequest, "outcomes" | "policy"> = {
  // Orders are too rare to learn from (one mail in 700), the clicks that lead to them are not: a click is worth what it brings in on average.
  outcomes: [
    { name: "conversion", column: "did_click" },
    { name: "complaint", column: "did_complain" },
    { name: "unsubscribe", column: "did_unsubscribe" },
  ],
  // A complaint costs about what an order brings in: the reputation that all other mail lives on. A mail costs attention, two cents of it.
  policy: { conversion_value: 6, complaint_cost: 40, send_cost: 0.02 },
};

/** Snapshots and models. */
export class Training {
  readonly #world: Environment;
  readonly #watch: Stopwatch;
  readonly #projectDir: string;

  constructor(world: Environment, watch: Stopwatch, projectDir: string) {
    this.#world = world;
    this.#watch = watch;
    this.#projectDir = projectDir;
  }

  /** About `sampleRows` rows of what was known by then, each stratum by its share. */
  snapshot(name: string, asOf: Date, sampleRows: number): Promise<Snapshot> {
    return this.#watch.time("snapshot", async () => {
      const progress = this.#world.console.progress(`snapshot ${name}`);
      const { lock } = (await this.#create({ name, asOf, sampleRows })).lock;
      progress.done(`${lock.rows.toLocaleString("en-US")} rows, ${lock.content.value.slice(0, 12)}`);
      return { name, rows: lock.rows, digest: lock.content.value, twice_the_same: undefined };
    });
  }

  /** Makes a snapshot again, to show that the same data are the same snapshot. */
  again(snapshot: Snapshot, asOf: Date, sampleRows: number): Promise<Snapshot> {
    return this.#watch.time("snapshot", async () => {
      const progress = this.#world.console.progress(`snapshot ${snapshot.name}, again`);
      const { kind, lock } = await this.#create({ name: snapshot.name, asOf, sampleRows });
      const isSame = kind === "already-there" && lock.lock.content.value === snapshot.digest;
      progress.done(isSame ? "the same" : "another one");
      return { ...snapshot, twice_the_same: isSame };
    });
  }

  async #create(request: SnapshotRequest & { readonly asOf: Date }) {
    const { home, now, signal } = this.#world;
    const { provenance } = await provenanceOf(this.#world, this.#projectDir, { as_of: request.asOf.toISOString() });
    const made = await withWarehouse(this.#world, (warehouse) =>
      createSnapshot({ warehouse, snapshots: home.snapshots, now, signal }, { ...request, provenance }),
    );
    if (made.kind === "planned") throw new Error("a snapshot was planned, not made");
    return made;
  }

  train(request: TrainRequest): Promise<Model> {
    const { home, now, signal, console } = this.#world;
    return this.#watch.time("train", async () => {
      const progress = console.progress(`train ${request.name}`);
      const model = await train(
        {
          snapshots: home.snapshots,
          models: home.models,
          now,
          signal,
          onProgress: (_step, done, total) => progress.update(done, total, "outcomes"),
          onNote: console.note,
        },
        request,
      );
      progress.done(model.record.outcomes.map((o) => `${o.name} AUC ${aucInWords(o)}`).join(", "));
      return model;
    });
  }
}
