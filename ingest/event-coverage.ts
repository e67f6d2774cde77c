import events from "../includes/events.js";
import { apiSources } from "./collector/api-keys.ts";
import { configuredHooks } from "./collector/hook-settings.ts";
import { type Expression, type Mapping, presetNames, readPreset } from "./mapping/schema.ts";
import { providers } from "./sources/providers.ts";

export interface CoverageSource {
  readonly name: string;
  readonly kind: "provider" | "mail" | "seeds" | "mapping" | "api";
  /** Whether it tells us as things stand: its secrets are set, or it needs none. An export has to be fetched. */
  readonly is_configured: boolean;
  readonly delivers: readonly string[];
}

export interface EventCoverage {
  readonly sources: readonly CoverageSource[];
  readonly types: readonly {
    readonly event_type: string;
    readonly family: string;
    readonly configured: readonly string[];
    readonly possible: readonly string[];
  }[];
  /** Types that only a client of your own can tell us, over /v1/events or in files of our own shape. */
  readonly only_your_own: readonly string[];
  /** Types that nothing which is configured delivers. */
  readonly not_delivered: readonly string[];
}

/** What mails tell: bounces, delays, relayed deliveries, complaints, automatic replies, requests to be unsubscribed, receipts. */
const mailDelivers = ["bounce", "deferred", "delivered", "complaint", "reply", "unsubscribe", "open"];

/** Which of our event types each source can deliver, and which nobody does. */
export function eventCoverage(settings: Readonly<Record<string, string | undefined>>): EventCoverage {
  const hooks = configuredHooks(settings);
  const sources: CoverageSource[] = [...providers.values()].map(({ name, delivers }) => ({
    name,
    kind: "provider" as const,
    is_configured: hooks.has(name),
    delivers: inOrder(delivers),
  }));
  sources.push({ name: "mail", kind: "mail", is_configured: true, delivers: inOrder(mailDelivers) });
  sources.push({
    name: "mail over IMAP",
    kind: "mail",
    is_configured: Boolean(settings["INBOXLOOP_IMAP_PASSWORD"] || settings["INBOXLOOP_IMAP_TOKEN"]),
    delivers: inOrder(mailDelivers),
  });
  // Results of seed tests are fetched from the tool that ran them.
  sources.push({ name: "seed tests", kind: "seeds", is_configured: false, delivers: inOrder(["inbox_placement"]) });
  for (const name of presetNames) {
    const delivers = inOrder(typesOfMapping(readPreset(name)));
    sources.push({ name: `${name} export`, kind: "mapping", is_configured: false, delivers });
  }
  for (const name of apiSources(settings).names) {
    sources.push({ name: `api/${name}`, kind: "api", is_configured: true, delivers: events.names });
  }
  const types = (events.names as readonly string[]).map((event_type) => {
    const able = sources.filter((one) => one.delivers.includes(event_type));
    return {
      event_type,
      family: (events.types as Record<string, { family: string }>)[event_type]!.family,
      configured: able.filter((one) => one.is_configured).map(({ name }) => name),
      possible: able.filter((one) => !one.is_configured).map(({ name }) => name),
    };
  });
  const byOthers = new Set(sources.filter(({ kind }) => kind !== "api").flatMap(({ delivers }) => delivers));
  return {
    sources,
    types,
    only_your_own: types.map((one) => one.event_type).filter((type) => !byOthers.has(type)),
    not_delivered: types.filter((one) => one.configured.length === 0).map((one) => one.event_type),
  };
}

const inOrder = (types: Iterable<string>): readonly string[] => {
  const wanted = new Set(types);
  return (events.names as readonly string[]).filter((name) => wanted.has(name));
};

/** The event types that a mapping can make. */
function typesOfMapping(mapping: Mapping): ReadonlySet<string> {
  const types = new Set<string>();
  for (const { table, set } of mapping.rows) {
    if (table === "events" && set["event_type"] !== undefined) collect(set["event_type"], types);
  }
  return types;
}

function collect(expression: Expression, into: Set<string>): void {
  if (typeof expression === "string") into.add(expression);
  if (expression === null || typeof expression !== "object") return;
  if ("values" in expression && expression.values) {
    for (const value of Object.values(expression.values)) if (typeof value === "string") into.add(value);
  }
  if ("first" in expression) for (const one of expression.first) collect(one, into);
}
