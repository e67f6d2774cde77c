// How an open or a click by a machine is told from one by a reader. The order is the order of certainty; the first that holds gives
// the reason.
//
//   provider   the provider says so (sg_machine_open, proxy_open, isBotEvent ...)
//   agent      the user agent is a proxy's that loads ahead of the reader, a link previewer's or a security scanner's
//   instant    within seconds of the delivery, before a reader could have seen the e-mail
//   scanner    one of several links of the same e-mail clicked within seconds, as gateways do
//
// The image proxies of Gmail, Yahoo and Fastmail are no machines here: they load when the reader opens. Only where from is hidden.
// A reply that the mailbox wrote by itself is a machine's too; the source says so.

/** The types of signals that a machine may have made. */
const judgedTypes = ["open", "click", "unsubscribe"];

const instantSeconds = 2;
const scannerSeconds = 10;
const scannerLinks = 3;

/**
 * User agents, matched without regard to case. The first part are whole agents, the second words found anywhere in one.
 * Apple's Mail Privacy Protection sends the bare "Mozilla/5.0". The words are what the gateways call themselves and what crawlers do; the
 * list of a maintained package stands in crawler_agents.js. Libraries that apps use for their readers too (okhttp, Java's) and agents that
 * a CDN puts in the reader's place are unknown, no machines; and a CUBOT is a phone.
 */
const wholeAgents = ["mozilla/5\\.0"];
const crawlerAgents = require("./crawler_agents");
const ownWords = [
  "(?:^|[^u]|[^c]u)bot(?:\\b|/)",
  "crawler",
  "spider",
  "preview",
  "scanner",
  "scraper",
  "facebookexternal",
  "slack-imgproxy",
  "whatsapp",
  "virustotal",
  "barracuda",
  "proofpoint",
  "mimecast",
  "safelinks",
  "trendmicro",
  "forcepoint",
  "sophos",
  "messagelabs",
  "fireeye",
  "cisco[ -]?ironport",
  "headlesschrome",
  "phantomjs",
  "python[-/]",
  "aiohttp",
  "lua-resty",
  "jetty/",
  "npm/",
  "feedburner",
  "mxtoolbox",
  "scmguard",
  "twinwave",
  "klaviyo/",
  "sparkpost",
  "sendgrid event",
  "go-http-client",
  "curl/",
  "wget/",
  "libwww-perl",
];
const agentWords = [...ownWords, ...crawlerAgents];

/**
 * Whether a user agent is a machine's.
 *
 *   isMachineAgent("user_agent")  =>  regexp_contains(lower(user_agent), r'^mozilla/5\.0$|bot\b|...')
 */
function isMachineAgent(column) {
  if (typeof column !== "string" || column === "")
    throw new Error("includes/machines.js: isMachineAgent wants a column");
  const pattern = [...wholeAgents.map((agent) => `^${agent}$`), ...agentWords].join("|");
  return `regexp_contains(lower(${column}), r'${pattern}')`;
}

/**
 * Classes of agents, the first that holds. What a class means is learned from the signals (includes/signal_evidence.js); a class only says
 * what called itself alike. `replaced` is a CDN's own agent in front of every reader: it says nothing of who read.
 */
const agentClasses = [
  { name: "replaced", pattern: "^amazon cloudfront|^cloudflare|^fastly|^akamai|^varnish" },
  { name: "relay", pattern: "googleimageproxy|ggpht\\.com|yahoomailproxy|fastmail|duckduckgo" },
  { name: "proxy", pattern: wholeAgents.map((agent) => `^${agent}$`).join("|") },
  { name: "scanner", pattern: agentWords.join("|") },
  { name: "mac_mail", pattern: "macintosh.*applewebkit/[0-9.]+ \\(khtml, like gecko\\)$" },
  { name: "mail_client", pattern: "outlook|thunderbird|airmail|lotus|mail/[0-9]|superhuman|mailspring" },
  { name: "phone", pattern: "iphone|ipad|android|mobile" },
  { name: "browser", pattern: "^mozilla/5" },
];

/**
 * What kind of program a user agent names; NULL without one, `other` where no class holds.
 *
 *   agentClass("user_agent")  =>  case when user_agent is null ... then 'replaced' ... else 'other' end
 */
function agentClass(column) {
  if (typeof column !== "string" || column === "") throw new Error("includes/machines.js: agentClass wants a column");
  const branches = agentClasses.map(
    ({ name, pattern }) => `when regexp_contains(lower(${column}), r'${pattern}') then '${name}'`,
  );
  return `case when coalesce(trim(${column}), '') = '' then null ${branches.join(" ")} else 'other' end`;
}

module.exports = {
  judgedTypes,
  agentClasses,
  agentClass,
  instantSeconds,
  scannerSeconds,
  scannerLinks,
  wholeAgents,
  ownWords,
  agentWords,
  isMachineAgent,
};
