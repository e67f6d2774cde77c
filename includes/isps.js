// Mailbox provider groups by the domain of an address, for senders whose sources do not say: webhooks name a recipient, rarely a provider.
//
// Domains are those under which the providers themselves hand out addresses. A company's domain is `other`, wherever its mail is kept.

const groups = [
  { isp: "gmail", domains: ["gmail.com", "googlemail.com"] },
  { isp: "outlook", names: ["hotmail", "outlook", "live", "msn", "windowslive", "passport"] },
  { isp: "yahoo", names: ["yahoo", "ymail", "rocketmail", "myyahoo", "aol", "aim"], domains: ["verizon.net"] },
  { isp: "apple", domains: ["icloud.com", "me.com", "mac.com"] },
];

/** `name` under any top-level domain that a country or two parts may have: yahoo.com, yahoo.co.jp, live.com.au. */
const underAnyTop = (names) => `^(?:${names.join("|")})\\.[a-z]{2,3}(?:\\.[a-z]{2})?$`;

/**
 * The mailbox provider group of a domain; NULL where there is none.
 *
 *   ofDomain("recipient_domain")  =>  case when recipient_domain is null then null when ... then 'gmail' ... else 'other' end
 */
function ofDomain(column) {
  if (typeof column !== "string" || column === "") throw new Error("includes/isps.js: ofDomain wants a column");
  const branches = groups.flatMap(({ isp, names = [], domains = [] }) => [
    ...(domains.length > 0
      ? [`when lower(${column}) in (${domains.map((one) => `'${one}'`).join(", ")}) then '${isp}'`]
      : []),
    ...(names.length > 0 ? [`when regexp_contains(lower(${column}), r'${underAnyTop(names)}') then '${isp}'`] : []),
  ]);
  return `case when ${column} is null then null ${branches.join(" ")} else 'other' end`;
}

module.exports = { groups, ofDomain };
