import { access, mkdir } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { UserError } from "../../errors/user-error.ts";
import type { CloudFiles } from "../../platform/artefacts/object-store.ts";
import { syncDirectory, writeAsIs } from "../../platform/files.ts";
import type { BatchReceiver, Mail } from "../mail.ts";
import type { ReceiverSettings } from "../settings.ts";
import { mailRecord } from "./rendering.ts";

type Settings = Extract<ReceiverSettings, { kind: "file" }>;

const rowOf = (mail: Mail) => ({ ...mailRecord(mail), address: mail.to.address, name: mail.to.name });

/** RFC 4180, every value quoted. */
const csvLine = (values: readonly unknown[]): string =>
  `${values.map((value) => (value === null ? "" : `"${String(value).replaceAll('"', '""')}"`)).join(",")}\r\n`;

const contentOf = (mails: readonly Mail[], format: Settings["format"]): string => {
  const rows = mails.map(rowOf);
  if (format === "ndjson") return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  const header = `${Object.keys(rows[0] ?? {}).join(",")}\r\n`;
  return header + rows.map((row) => csvLine(Object.values(row))).join("");
};

/** Files of mails, in a folder or a bucket, for whoever takes them from there. */
export function fileReceiver(
  name: string,
  settings: Settings,
  world: {
    readonly home: string;
    readonly path: (path: string) => string;
    readonly cloudFiles: () => Promise<CloudFiles>;
  },
): BatchReceiver {
  const isCloud = settings.folder.startsWith("gs://");
  const folder = isCloud ? settings.folder.replace(/\/$/, "") : world.path(settings.folder);
  if (!isCloud && isInside(folder, world.home))
    throw new UserError("addresses would be written into the home", {
      code: "activation.folder-in-home",
      exit: "config",
      where: folder,
      next: "name a folder outside of it under receivers",
    });
  const nameOf = (batch: string) => `${batch}.${settings.format}`;
  const isThere = async (batch: string): Promise<boolean> => {
    if (isCloud) return (await world.cloudFiles()).exists(`${folder}/${nameOf(batch)}`);
    return access(join(folder, nameOf(batch))).then(
      () => true,
      () => false,
    );
  };
  return {
    name,
    takes: "batch",
    provider: null,
    isIdempotent: true,
    countsAsSent: settings.counts_as_sent,
    render: (mail) => ({ file: `${folder}/<batch>.${settings.format}`, row: rowOf(mail) }),
    async handAll(batch, mails) {
      const content = contentOf(mails, settings.format);
      try {
        if (isCloud) await (await world.cloudFiles()).write(`${folder}/${nameOf(batch)}`, content);
        else {
          await mkdir(folder, { recursive: true });
          await writeAsIs(join(folder, nameOf(batch)), content, 0o600);
          await syncDirectory(folder);
        }
        return { kind: "accepted", provider_id: null };
      } catch (error) {
        // It may be there although its answer was lost.
        if (await isThere(batch).catch(() => false)) return { kind: "accepted", provider_id: null };
        const { code } = error as { readonly code?: unknown };
        const reason = typeof code === "string" || typeof code === "number" ? String(code) : "not-written";
        const isForLater = reason === "429" || reason.startsWith("5") || !isCloud || reason === "not-written";
        return isForLater ? { kind: "not-now", reason, retry_after_ms: null } : { kind: "set-up", reason };
      }
    },
    isThere,
    close: () => {},
  };
}

function isInside(folder: string, home: string): boolean {
  const way = relative(resolve(home), resolve(folder));
  return way === "" || (way !== ".." && !way.startsWith(`..${sep}`) && !way.startsWith(sep));
}
