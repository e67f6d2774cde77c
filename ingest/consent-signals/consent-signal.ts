import consents from "../../includes/consents.js";
import type { Item } from "../door/signal.ts";
import { readConsentMode } from "./consent-mode.ts";
import { broken, type SignalHeard } from "./heard.ts";
import { readTcf } from "./tcf.ts";

/** Signals that a row of raw.consents may bring in place of a purpose. */
export const signalKinds = ["tcf", "gcm", "gpc"] as const;

/** Whether an item is a statement that comes as a signal. */
export const isConsentSignal = (item: Item): boolean =>
  item.kind === "row" && item.table === "consents" && (item.values["signal"] ?? null) !== null;

/**
 * A statement that comes as a consent signal, as the statements that it makes, one for each of our purposes (`signals` of includes/consents.js). Anything else is
 * given back as it is. A signal that is unknown or broken is a dead letter; it grants nothing.
 *
 *   { table: "consents", user_id, signal: "gpc", value: "1", effective_at }  =>  three refusals
 */
export function consentStatements(item: Item): readonly Item[] {
  if (item.kind !== "row" || !isConsentSignal(item)) return [item];
  const { signal, value, ...rest } = item.values;
  if (rest["purpose"] !== undefined || rest["is_granted"] !== undefined)
    return [refused("a signal beside a purpose: which of them counts is not known")];
  const heard = read(signal, value);
  if (heard.kind === "broken") return [refused(heard.detail)];
  if (heard.statements.length === 0)
    return [{ kind: "dead-letter", reason: "not-a-signal", detail: "the consent signal states nothing" }];
  return heard.statements.map(({ purpose, isGranted, channel }) => ({
    kind: "row",
    table: "consents",
    values: {
      ...rest,
      purpose,
      is_granted: isGranted,
      channel,
      legal_basis: "consent",
      ...(rest["effective_at"] === undefined && heard.at && { effective_at: heard.at.toISOString() }),
      ...(rest["jurisdiction"] === undefined && heard.jurisdiction && { jurisdiction: heard.jurisdiction }),
    },
  }));
}

function read(signal: unknown, value: unknown): SignalHeard {
  switch (signal) {
    case "tcf":
      return typeof value === "string" ? readTcf(value) : broken("a TC string is text");
    case "gcm":
      return readConsentMode(value);
    case "gpc":
      return readGpc(value);
    default:
      return broken(`no such consent signal; there is ${signalKinds.join(", ")}`);
  }
}

/** Global Privacy Control: `Sec-GPC: 1`. Whatever else it is says nothing. */
function readGpc(value: unknown): SignalHeard {
  if (value === "1" || value === 1 || value === true) {
    const { refuses } = consents.signals.gpc;
    return { kind: "heard", statements: refuses.map((one) => ({ ...one, isGranted: false })) };
  }
  if (value === "0" || value === 0 || value === false) return { kind: "heard", statements: [] };
  return broken("Global Privacy Control is 1 or is not sent");
}

const refused = (detail: string): Item => ({ kind: "dead-letter", reason: "consent-signal", detail });
