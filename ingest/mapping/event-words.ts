/** What a word of an export means as one of our events. */
export interface EventWord {
  readonly type: string;
  /** The class of a bounce, where the word says it. */
  readonly bounce?: "hard" | "soft" | "block";
  /** Senders mean different things by it. */
  readonly isUnsure?: boolean;
}

/** Words of exports, letters alone, with what surrounds them in names: `Email Opened`, `open_email`, `[Email] Clicked`. The first that fits counts. */
const words: readonly (readonly [RegExp, EventWord])[] = [
  [/^(hard|permanent)bounced?$|^bouncedhard$/, { type: "bounce", bounce: "hard" }],
  [/^(soft|transient|temporary)bounced?$|^bouncedsoft$/, { type: "bounce", bounce: "soft" }],
  [/^(block(ed)?bounced?|blocked)$/, { type: "bounce", bounce: "block" }],
  [/^(dropped|suppressed|rejected|reject|droppedmail|skipped)$/, { type: "bounce", bounce: "block", isUnsure: true }],
  [/^bounced?$|^undelivered$/, { type: "bounce" }],
  [/^(failed|failure)$/, { type: "bounce", isUnsure: true }],
  [/^(sent|sends?|processed|injected|injection|dispatched)$/, { type: "sent" }],
  [/^(delivered|delivery|deliveries|received)$/, { type: "delivered" }],
  [/^(unique|initial|first)?open(s|ed)?$|^(viewed|read)$/, { type: "open" }],
  [/^(unique|first)?(link)?click(s|ed)?(link)?$/, { type: "click" }],
  [
    /^(list|group|global)?(unsub|unsubscribe|unsubscribes|unsubscribed|optout|optedout|unsubscription)$/,
    { type: "unsubscribe" },
  ],
  [
    /^(spam|complaint|complaints|complained|abuse|spamreports?|markedas?spam|spamcomplaint|junk)$/,
    { type: "complaint" },
  ],
  [/^(deferred|deferral|delayed|delay|queued)$/, { type: "deferred" }],
  [/^(forward|forwarded|sharedtofriend)$/, { type: "forward" }],
  [/^(reply|replied|replies)$/, { type: "reply" }],
  [
    /^(purchase|purchased|order|ordered|placedorder|checkoutcompleted|ordercompleted)$/,
    { type: "purchase", isUnsure: true },
  ],
  [/^(conversion|converted)$/, { type: "conversion", isUnsure: true }],
  [/^(addtocart|addedtocart|cartadd)$/, { type: "add_to_cart" }],
  [/^(pageview|viewedpage|pageviewed)$/, { type: "page_view" }],
  [/^(productview|viewedproduct)$/, { type: "product_view" }],
];

/** The event that a word of an export stands for; undefined for a word that we do not know. */
export function eventWord(text: string): EventWord | undefined {
  const said = text.toLowerCase().replace(/[^a-z]/g, "");
  const bare = said.replace(/^(e?mail|message|campaign|newsletter)(?=.)|(?<=.)(e?mail|message|newsletter|event)$/g, "");
  for (const one of [said, bare]) {
    const found = words.find(([pattern]) => pattern.test(one));
    if (found) return found[1];
  }
  return undefined;
}
