import { duckdbType, parseType, quoteName } from "../../packages/googlesql/index.ts";
import type { Column } from "../warehouse.ts";
import { ensureRecords, readSourceStamp, writeSourceStamp } from "./build-records.ts";
import { rawViewQuery, segmentsOf, stampOf } from "./raw-views.ts";
import { parquetFiles } from "./sealed-engine.ts";
import { checkNewSegments, ensureSeenSegments, keepSeen, notedDigests } from "./segment-digests.ts";
import type { SessionLane } from "./session-lane.ts";

/**
 * Brings the views `raw.<table>` up to date with the segments on disk. A view whose files are the same is left as it is.
 */
export async function refreshRawViews(
  lane: SessionLane,
  rawDir: string,
  tables: Readonly<Record<string, readonly Column[]>>,
): Promise<void> {
  const names = Object.keys(tables);
  if (names.length === 0) return;
  const segments = await Promise.all(names.map((name) => segmentsOf(rawDir, name)));
  let digests: ReadonlyMap<string, string> | undefined;
  await lane.inTurn(undefined, async () => {
    const { connection } = lane;
    await ensureRecords(connection);
    await ensureSeenSegments(connection);
    await connection.run("create schema if not exists raw");
    for (const [i, name] of names.entries()) {
      const columns = tables[name]!;
      const files = segments[i]!;
      const stamp = stampOf(files, columns);
      if (
        lane.catalog.table(["raw", name]) !== undefined &&
        (await readSourceStamp(connection, `raw.${name}`)) === stamp
      )
        continue;
      digests ??= await notedDigests(rawDir);
      const checked = await checkNewSegments(connection, rawDir, files, digests);
      await connection.run("begin transaction");
      try {
        await keepSeen(connection, checked);
        const query = await rawViewQuery(
          files,
          columns,
          (type) => duckdbType(parseType(type)),
          (paths) => parquetFiles(connection, paths),
        );
        await connection.run(`create or replace view raw.${quoteName(name)} as ${query}`);
        await lane.catalog.put(
          connection,
          ["raw", name],
          "view",
          columns.map((column) => ({ name: column.name, type: parseType(column.type) })),
        );
        await writeSourceStamp(connection, `raw.${name}`, stamp);
        await connection.run("commit");
        lane.catalog.commit();
      } catch (error) {
        lane.catalog.rollback();
        await connection.run("rollback");
        throw error;
      }
    }
  });
}
