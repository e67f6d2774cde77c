const addressPattern = /(?:"[^"\s]+"|[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+)@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*/g;

/** Every address in a text, in order, once each (compared without case). */
export function addressesIn(text: string): readonly string[] {
  const found = new Map<string, string>();
  for (const [address] of text.matchAll(addressPattern)) {
    const clean = address.replace(/^["'`<]+|[."'`>]+$/g, "");
    if (/@.+/.test(clean) && !found.has(clean.toLowerCase())) found.set(clean.toLowerCase(), clean);
  }
  return [...found.values()];
}

/** Addresses that speak for a mail system, not for a reader. */
export const isSystemAddress = (address: string): boolean =>
  /^(mailer-daemon|postmaster|mail-daemon|mdaemon|noreply|no-reply|abuse|bounce[s]?|root|daemon|mail-tester)([-+.][^@]*)?@/i.test(
    address,
  );
