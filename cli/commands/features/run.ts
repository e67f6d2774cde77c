import { openLmdbStore } from "../../../serve/online/lmdb-store.ts";
import { type Pushed, pushFeatures } from "../../../serve/online/push.ts";
import { keptMs } from "../../../serve/online/store.ts";
import { type Skew, verifyFeatures } from "../../../serve/online/verify.ts";
import type { Environment } from "../../environment.ts";
import { onlineOf } from "../serve/online-of.ts";

/** `inboxloop features push`. */
export async function pushCommand(world: Environment, options: { readonly pageRows: number }): Promise<Pushed> {
  const warehouse = await world.target.openWarehouse();
  const store = openLmdbStore(onlineOf(world));
  const progress = world.console.progress("push");
  try {
    const pushed = await pushFeatures(warehouse, store, {
      pageRows: options.pageRows,
      signal: world.signal,
      onProgress: (people) => progress.update(people, undefined, "people"),
    });
    await store.dropDecided(world.now().getTime() - keptMs);
    progress.done(`${pushed.people} people`);
    return pushed;
  } finally {
    await store.close();
    await warehouse.close();
  }
}

/** `inboxloop features verify`. */
export async function verifyCommand(world: Environment, options: { readonly pageRows: number }): Promise<Skew> {
  const warehouse = await world.target.openWarehouse();
  const store = openLmdbStore(onlineOf(world));
  try {
    return await verifyFeatures(warehouse, store, { pageRows: options.pageRows, signal: world.signal });
  } finally {
    await store.close();
    await warehouse.close();
  }
}
