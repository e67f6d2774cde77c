import { UserError } from "../../errors/user-error.ts";
import type { CloudFiles } from "../../platform/artefacts/object-store.ts";
import type { Receiver } from "../mail.ts";
import type { ReceiverSettings } from "../settings.ts";

export interface ReceiverWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: () => number;
  /** Where no address may be written. */
  readonly home: string;
  /** A path as the settings write it. */
  readonly path: (path: string) => string;
  readonly cloudFiles: () => Promise<CloudFiles>;
}

/** Opens the receiver that the settings describe; its client is loaded only now. */
export async function openReceiver(name: string, settings: ReceiverSettings, world: ReceiverWorld): Promise<Receiver> {
  switch (settings.kind) {
    case "ses":
      return (await import("./ses.ts")).sesReceiver(name, settings, world);
    case "sendgrid":
      return (await import("./sendgrid.ts")).sendgridReceiver(name, settings, world);
    case "webhook":
      return (await import("./webhook.ts")).webhookReceiver(name, settings, world);
    case "file":
      return (await import("./file.ts")).fileReceiver(name, settings, world);
  }
}

/** Nobody can be mailed without a template where the receiver wants one. */
export const noTemplate = (receiver: string, campaign: string, variant: string): UserError =>
  new UserError(`receiver "${receiver}" has no template for "${variant}"`, {
    code: "activation.no-template",
    exit: "config",
    where: `receivers.${receiver}.templates`,
    next: `add "${variant}" or "${campaign}/${variant}" there; nothing was handed over`,
  });
