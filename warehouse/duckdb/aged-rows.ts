import consents from "../../includes/consents.js";
import suppressions from "../../includes/suppressions.js";
import { DoomedRows } from "./doomed-rows.ts";
import { parquetFiles } from "./sealed-engine.ts";
import { literal } from "./sql-text.ts";

/** Which rows are too old: those whose `column` is before an instant. */
export interface Age {
  readonly column: string;
  readonly before: Date;
}

const types = (suppressions.eventTypes as readonly string[]).map(literal).join(", ");
/** What says of an event that somebody must not be reached, or does not allow something: these never age. */
const refuses = `(event_type in (${types}) or consent is false${consents.hasSilentRefusals() ? " or consent is null" : ""})`;

/**
 * Rows that are older than they may be kept. Of events those stay that stop mail or take a consent back, and with them all that is said of the same
 * message: what somebody refused is judged by it, and must not come out otherwise because it was long ago.
 */
export class AgedRows extends DoomedRows {
  static async open({ column, before }: Age): Promise<AgedRows> {
    const [instance, connection] = await DoomedRows.openEngine();
    await connection.run("create temp table kept_messages (message_id varchar)");
    const isOld = `${column} < ${literal(before.toISOString())}::timestamptz`;
    return new AgedRows(instance, connection, (source, place, columns) => {
      const names = new Set(columns.map(({ name }) => name));
      if (!names.has(column)) return undefined;
      const stays =
        names.has("event_type") && names.has("consent")
          ? ` and not ${refuses} and (message_id is null or message_id not in (select message_id from kept_messages))`
          : "";
      return `select ${place} as n from ${source} where ${isOld}${stays}`;
    });
  }

  /** Reads from files of events which messages stay. */
  async keepRefused(paths: readonly string[]): Promise<void> {
    if (paths.length === 0) return;
    const files = await parquetFiles(this.connection, paths);
    await this.connection.run(
      `insert into kept_messages select distinct message_id from ${files} where message_id is not null and ${refuses}`,
    );
  }
}
