import { outboxTables } from "../../../activation/outbox.ts";
import { UserError } from "../../../errors/user-error.ts";
import { sealOf } from "../../../platform/home-seal.ts";
import { sealStore } from "../../../platform/store/seal-store.ts";
import { onlineTables } from "../../../serve/online/databases.ts";
import type { Environment } from "../../environment.ts";
import { outboxOf } from "../activate/outbox-folder.ts";
import { onlineOf } from "../serve/online-of.ts";

export interface SealedHere {
  readonly root: string;
  /** Entries of each store that was in clear. */
  readonly stores: readonly { readonly folder: string; readonly entries: number }[];
}

/** `inboxloop keys home seal`. */
export async function sealCommand(world: Environment): Promise<SealedHere> {
  const { root } = world.home;
  const seal = sealOf(root);
  if (seal === undefined)
    throw new UserError("the home is not encrypted", {
      code: "home.in-clear",
      exit: "usage",
      where: root,
      next: "inboxloop keys home make --home <new folder>",
    });
  const stores: { folder: string; entries: number }[] = [];
  for (const store of [
    { folder: onlineOf(world), tables: Object.values(onlineTables) },
    { folder: outboxOf(world.home), tables: Object.values(outboxTables) },
  ]) {
    const entries = await sealStore(store, seal);
    if (entries !== undefined) stores.push({ folder: store.folder, entries });
  }
  return { root, stores };
}
