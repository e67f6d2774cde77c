/** Mailbox providers, regions and the user agents that load pictures and links. Shares sum to one. */
export interface MailboxProvider {
  readonly isp: string;
  readonly domains: readonly string[];
  readonly share: number;
  /** Whether it reports complaints to senders. Gmail does not, per message. */
  readonly reportsComplaints: boolean;
  /** Share of its customers who read in Apple Mail with Mail Privacy Protection. */
  readonly privacyProxyRate: number;
  /** Share behind a security gateway that opens mail and tries links. */
  readonly gatewayRate: number;
  /** Chance that an average bulk mail is put in the spam folder. */
  readonly spamRate: number;
  /** What loads the pixel when a person opens. */
  readonly openAgents: readonly string[];
  readonly proxyPrefixes: readonly string[];
}

const iphone =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148";
const macMail = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)";
const outlookDesktop = "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.16327; Pro)";
const chrome =
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";
const android =
  "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36";
const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0";
export const gmailProxyAgent =
  "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)";
const yahooProxy = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html";
/** Apple's proxy says no more than this, or passes for Mail on a Mac. */
export const applePrivacyAgent = "Mozilla/5.0";
export const appleFullAgent = macMail;

/** Plain gateways: some say so, most pass for a browser. */
export const gatewayAgents: readonly string[] = [
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0",
  chrome,
  "Barracuda Sentinel (EE)",
  "python-requests/2.28.2",
  "TwinWaveScanner",
  firefox,
];
/** What the others pass for: what people have, too. */
export const browserAgents: readonly string[] = [chrome, firefox, android];
export const personAgents: readonly string[] = [iphone, macMail, outlookDesktop, chrome, android, firefox];
export const clickAgents: readonly string[] = [chrome, android, iphone, firefox];

export const applePrefixes: readonly string[] = ["104.28.31.0/24", "146.75.166.0/24", "172.224.226.0/24"];

const corporate = (count: number): string[] =>
  Array.from({ length: count }, (_, n) => `corp-${String(n + 1).padStart(2, "0")}.example`);

export const providers: readonly MailboxProvider[] = [
  {
    isp: "gmail",
    domains: ["gmail.example", "googlemail.example"],
    share: 0.35,
    reportsComplaints: false,
    privacyProxyRate: 0.06,
    gatewayRate: 0,
    spamRate: 0.06,
    openAgents: [gmailProxyAgent],
    proxyPrefixes: ["66.249.84.0/24", "66.102.8.0/24"],
  },
  {
    isp: "outlook",
    domains: ["outlook.example", "hotmail.example", "live.example"],
    share: 0.15,
    reportsComplaints: true,
    privacyProxyRate: 0.04,
    gatewayRate: 0.04,
    spamRate: 0.1,
    openAgents: [outlookDesktop, chrome, iphone, android],
    proxyPrefixes: [],
  },
  {
    isp: "yahoo",
    domains: ["yahoo.example", "aol.example"],
    share: 0.13,
    reportsComplaints: true,
    privacyProxyRate: 0.05,
    gatewayRate: 0,
    spamRate: 0.08,
    openAgents: [yahooProxy],
    proxyPrefixes: ["69.147.92.0/24"],
  },
  {
    isp: "apple",
    domains: ["icloud.example", "me.example"],
    share: 0.1,
    reportsComplaints: false,
    privacyProxyRate: 0.72,
    gatewayRate: 0,
    spamRate: 0.04,
    openAgents: [iphone, macMail],
    proxyPrefixes: [],
  },
  {
    isp: "gmx",
    domains: ["gmx.example", "web-de.example"],
    share: 0.09,
    reportsComplaints: true,
    privacyProxyRate: 0.04,
    gatewayRate: 0,
    spamRate: 0.07,
    openAgents: [chrome, firefox, android],
    proxyPrefixes: [],
  },
  {
    isp: "corporate",
    domains: corporate(40),
    share: 0.09,
    reportsComplaints: false,
    privacyProxyRate: 0.03,
    gatewayRate: 0.55,
    spamRate: 0.05,
    openAgents: [outlookDesktop, chrome],
    proxyPrefixes: [],
  },
  {
    isp: "other",
    domains: ["freemail.example", "post.example", "telco-mail.example", "orange-mail.example", "seznam-mail.example"],
    share: 0.09,
    reportsComplaints: true,
    privacyProxyRate: 0.04,
    gatewayRate: 0.01,
    spamRate: 0.06,
    openAgents: [chrome, android, macMail, firefox],
    proxyPrefixes: [],
  },
];

/** Coarse regions with their share and the hours that local clocks are ahead of UTC. */
export const regions: readonly { readonly region: string; readonly share: number; readonly utcOffset: number }[] = [
  { region: "us-east", share: 0.24, utcOffset: -5 },
  { region: "us-west", share: 0.15, utcOffset: -8 },
  { region: "uk", share: 0.14, utcOffset: 0 },
  { region: "de", share: 0.18, utcOffset: 1 },
  { region: "fr", share: 0.1, utcOffset: 1 },
  { region: "nl", share: 0.05, utcOffset: 1 },
  { region: "pl", share: 0.06, utcOffset: 1 },
  { region: "es", share: 0.08, utcOffset: 1 },
];

export const categories: readonly string[] = ["shoes", "outdoor", "kitchen", "electronics", "books", "garden"];
