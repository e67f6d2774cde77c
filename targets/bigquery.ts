import { basename, join } from "node:path";
import { UserError } from "../errors/user-error.ts";
import { bucketArtefacts, folderArtefacts } from "../platform/artefacts/artefacts.ts";
import { cloudStorage, type ObjectStore } from "../platform/artefacts/object-store.ts";
import { homeAt } from "../platform/home.ts";
import { sealedRootOf } from "../platform/home-seal.ts";
import { journalTable } from "../platform/journal/journal-table.ts";
import type { BigQueryTargetSettings } from "../platform/settings.ts";
import type { BigQueryWarehouse } from "../warehouse/bigquery/adapter.ts";
import { bigQueryEmulator, connectBigQuery } from "../warehouse/bigquery/connect.ts";
import { engineOver } from "../warehouse/dataform/engine.ts";
import type { Warehouse } from "../warehouse/warehouse.ts";
import type { Target, TargetWorld } from "./target.ts";

/** Google Cloud: BigQuery, Cloud Storage where a bucket is named, journals in tables. `home` goes before what the settings say. */
export function bigQueryTarget(
  name: string,
  settings: BigQueryTargetSettings,
  world: TargetWorld,
  home?: string | undefined,
): Target {
  const at = homeAt(home ?? settings.home ?? world.settings["INBOXLOOP_HOME"] ?? ".inboxloop");
  const project = (): string => {
    const found = settings.project ?? world.settings["GOOGLE_CLOUD_PROJECT"];
    if (found) return found;
    throw new UserError("which project's BigQuery?", {
      code: "bigquery.no-project",
      exit: "config",
      where: `targets.${name}.project in inboxloop.yaml, or GOOGLE_CLOUD_PROJECT`,
      next: "export GOOGLE_CLOUD_PROJECT=<id>",
    });
  };
  const connect = (): Promise<BigQueryWarehouse> =>
    connectBigQuery({
      projectId: project(),
      ...(settings.location !== undefined && { location: settings.location }),
      ...bigQueryEmulator(world.settings),
    });
  let journals: Promise<Warehouse> | undefined;
  const artefacts = (folder: string, kind: string, eager: readonly string[] | "all") => {
    if (settings.bucket === undefined) return folderArtefacts(folder);
    refuseSealedBucket(name, at.root);
    return bucketArtefacts(lateStore(world, project), `${settings.bucket.replace(/\/$/, "")}/${kind}`, folder, eager);
  };
  return {
    name,
    kind: "bigquery",
    role: settings.role,
    home: at,
    snapshots: artefacts(at.snapshots, "snapshots", ["lock.json"]),
    models: artefacts(at.models, "models", "all"),
    get rawInBigQuery() {
      return { project: project(), location: settings.location };
    },
    openWarehouse: connect,
    async openEngine(options) {
      if (options.sources !== undefined) {
        throw new UserError("--sources feeds this machine's warehouse, and the target is BigQuery", {
          code: "cli.sources",
          exit: "usage",
          where: join(world.cwd, options.sources),
          next: "--target local, or load the files into BigQuery",
        });
      }
      const warehouse = await connect();
      return {
        ...engineOver(warehouse),
        place: { project: project(), location: settings.location },
        setPolicyTags: ({ schema, name: table }, tags) => warehouse.setPolicyTags(`${schema}.${table}`, tags),
        async dropSchemas(schemas) {
          for (const schema of schemas) await warehouse.execute(`drop schema if exists \`${schema}\` cascade`);
        },
        close: () => warehouse.close(),
      };
    },
    journal: (journal, kind) =>
      journalTable(
        () => {
          journals ??= connect();
          return journals;
        },
        `${settings.ops_dataset}.${basename(journal)}`,
        kind,
      ),
    bus: { topic: settings.pubsub_topic, subscription: settings.pubsub_subscription },
    close: async () => {
      await (await journals?.catch(() => undefined))?.close();
    },
  };
}

/** What lies in a bucket is in clear to who may read it, and would come into the home so. */
function refuseSealedBucket(name: string, root: string): void {
  if (sealedRootOf(root) === undefined) return;
  throw new UserError("the home is encrypted, and what is brought from a bucket would lie in it in clear", {
    code: "home.bucket",
    exit: "config",
    where: `targets.${name}.bucket in inboxloop.yaml`,
    next: "leave the bucket out, or name another home with --home",
  });
}

/** Cloud Storage, its client loaded with the first call. */
function lateStore(world: TargetWorld, project: () => string): ObjectStore {
  let opened: Promise<ObjectStore> | undefined;
  const store = () => {
    const apiEndpoint = world.settings["STORAGE_EMULATOR_HOST"];
    opened ??= cloudStorage({ projectId: project(), ...(apiEndpoint ? { apiEndpoint } : {}) });
    return opened;
  };
  return {
    list: async (prefix) => (await store()).list(prefix),
    download: async (uri, path) => (await store()).download(uri, path),
    readText: async (uri) => (await store()).readText(uri),
    upload: async (path, uri, options) => (await store()).upload(path, uri, options),
  };
}
