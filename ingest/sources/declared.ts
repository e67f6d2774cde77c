// Which campaign, variant and sender a mail had, from what its events bring along. Providers hand the sender's own tags and arguments back with
// every event; what they are for only the sender knows, and says so in inboxloop.yaml.

import isps from "../../includes/isps.js";
import type { Place, SourceDeclarations } from "../../platform/source-declarations.ts";
import { addressDomain } from "../door/address.ts";
import type { Decoded, Item, Signal } from "../door/signal.ts";
import { bareAddress } from "./webhook.ts";

/** Where each dimension is looked for when nothing is declared: names that mean nothing else. */
const conventions = {
  campaign: [{ argument: "campaign_id" }, { argument: "campaign" }],
  variant: [{ argument: "variant" }],
  sender: [{ argument: "sender_domain" }],
} as const satisfies Record<string, readonly Place[]>;

/** The items of a source with the dimensions that its events bring. What a declaration names goes before the provider's own; a convention after it. */
export function withDimensions<One extends Decoded | Item>(
  items: readonly One[],
  source: string,
  declarations: SourceDeclarations = {},
): readonly One[] {
  return items.map((item) =>
    item.kind === "signal" ? { ...item, signal: dimensioned(item.signal, source, declarations) } : item,
  );
}

function dimensioned(signal: Signal, source: string, declarations: SourceDeclarations): Signal {
  const { beside, ...rest } = signal;
  const declared = declarations[source];
  const tags = tagsOf(signal.metadata["tags"]);
  const find = (places: readonly Place[] | undefined): string | undefined =>
    firstOf(places, beside?.arguments ?? {}, tags);
  const campaignId = find(declared?.campaign) ?? (signal.campaignId ? undefined : find(conventions.campaign));
  const variant = find(declared?.variant) ?? (signal.metadata["variant"] ? undefined : find(conventions.variant));
  const senderDomain = domainOf(find(declared?.sender) ?? beside?.from ?? find(conventions.sender));
  const isp = isps.ofMx(beside?.mxHost ?? undefined);
  if (campaignId === undefined && variant === undefined && senderDomain === undefined && isp === undefined) return rest;
  return { ...rest, declared: { campaignId, variant, senderDomain, isp } };
}

const tagsOf = (tags: unknown): readonly string[] =>
  Array.isArray(tags)
    ? tags.flatMap((tag) => (typeof tag === "string" || typeof tag === "number" ? [String(tag)] : []))
    : [];

function firstOf(
  places: readonly Place[] = [],
  given: Readonly<Record<string, unknown>>,
  tags: readonly string[],
): string | undefined {
  for (const place of places) {
    const found =
      "value" in place
        ? place.value
        : "argument" in place
          ? textOf(Object.hasOwn(given, place.argument) ? given[place.argument] : undefined)
          : tags.find((tag) => tag.startsWith(place.tag) && tag.length > place.tag.length)?.slice(place.tag.length);
    const text = found?.trim();
    if (text) return text;
  }
  return undefined;
}

/** A text or a number; the first of a list, as SES has its tags. */
function textOf(value: unknown): string | undefined {
  const [one] = Array.isArray(value) ? value : [value];
  return typeof one === "string" || typeof one === "number" ? String(one) : undefined;
}

/** `Shop <news@shop.example>`, `news@shop.example` and `shop.example` => `shop.example`. */
function domainOf(sender: string | null | undefined): string | undefined {
  const bare = bareAddress(sender);
  if (!bare) return undefined;
  const domain = bare.includes("@") ? addressDomain(bare) : bare.toLowerCase();
  return domain && /^[^\s@/]+\.[^\s@/]+$/.test(domain) ? domain : undefined;
}
