import type { Model } from "../../retrain/model.ts";
import { createSnapshot } from "../../retrain/snapshot.ts";
import { type TrainRequest, train } from "../../retrain/train.ts";
import type { Environment } from "../environment.ts";
import type { DemoResult } from "./demo-result.ts";
import { withWarehouse } from "./local-steps.ts";
import type { Stopwatch } from "./stopwatch.ts";

/** Rows of a snapshot, each stratum by its share: enough for the demo's forests, and a minute less. */
const snapshotRows = 120_000;

/** Snapshots and models. */
export class Training {
  readonly #world: Environment;
  readonly #watch: Stopwatch;

  constructor(world: Environment, watch: Stopwatch) {
    this.#world = world;
    this.#watch = watch;
  }

  /** `isRepeated`: makes it again, to show that the same data are the same snapshot. */
  snapshot(name: string, asOf: Date, isRepeated: boolean): Promise<DemoResult["snapshots"][number]> {
    const { home, now, signal, console } = this.#world;
    return this.#watch.time("snapshot", async () => {
      const progress = console.progress(`snapshot ${name}`);
      const [first, second] = await withWarehouse(this.#world, async (warehouse) => {
        const env = { warehouse, snapshots: home.snapshots, now, signal };
        const made = await createSnapshot(env, { name, asOf, sampleRows: snapshotRows });
        return [
          made,
          isRepeated ? await createSnapshot(env, { name, asOf, sampleRows: snapshotRows }) : undefined,
        ] as const;
      });
      if (first.kind === "planned" || second?.kind === "planned") throw new Error("a snapshot was planned, not made");
      progress.done(
        `${first.lock.lock.rows.toLocaleString("en-US")} rows, ${first.lock.lock.content.value.slice(0, 12)}`,
      );
      return {
        name,
        rows: first.lock.lock.rows,
        digest: first.lock.lock.content.value,
        twice_the_same:
          second && second.kind === "already-there" && second.lock.lock.content.value === first.lock.lock.content.value,
      };
    });
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
        },
        request,
      );
      progress.done(
        model.record.outcomes.map((o) => `${o.name} AUC ${o.validation.auc?.toFixed(3) ?? "-"}`).join(", "),
      );
      return model;
    });
  }
}
