/** Attributes that say who somebody is rather than what they are like stay outside, whatever they hold. */
const personal =
  /(?:^|[_\s.-])(?:e-?mail|mail_?address|phone|mobile|telephone|fax|first_?name|last_?name|middle_?name|full_?name|given_?name|family_?name|sur_?name|nick_?name|street|postal_?address|birth_?(?:day|date)|date_?of_?birth|dob|ssn|passport|iban|ip_?address)(?:_?\d)?$|^(?:name|user_?name|login|address|tel|ip)$/i;
const humps = /([a-z0-9])([A-Z])/g;

/** Keys come again with every record. Few and short ones are remembered, lest a sender makes them up without end. */
const known = new Map<string, boolean>();
const mostKnown = 10_000;
const longestKnown = 64;

export function isPersonalKey(key: string): boolean {
  let found = known.get(key);
  if (found === undefined) {
    found = personal.test(key.trim().replace(humps, "$1_$2"));
    if (known.size < mostKnown && key.length <= longestKnown) known.set(key, found);
  }
  return found;
}
