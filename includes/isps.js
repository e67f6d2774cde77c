// Mailbox provider groups: by the domain of an address, by what a source calls the provider, and by the host that takes the mail (MX), for
// senders whose sources do not say. Webhooks name a recipient, rarely a provider.
//
// Domains are those under which the providers themselves hand out addresses (their own postmaster pages and help, checked against each other). A
// company's domain is `other` unless its MX is known: nothing is looked up. A business's mail at Google or Microsoft is filtered otherwise than a
// consumer's, so these are groups of their own; so are gateways, which decide before the mailbox's host sees a mail.

const groups = [
  {
    isp: "gmail",
    called: ["gmail", "google mail", "google"],
    domains: ["gmail.com", "googlemail.com"],
    mx: ["gmail-smtp-in.l.google.com"],
  },
  {
    isp: "outlook",
    called: [
      "outlook",
      "hotmail",
      "microsoft",
      "live",
      "hotmail / outlook",
      "outlook / hotmail",
      "outlook consumer",
      "microsoft (hotmail)",
    ],
    names: ["hotmail", "outlook", "live", "msn", "windowslive", "passport"],
    mx: ["olc.protection.outlook.com"],
  },
  {
    isp: "yahoo_japan",
    called: ["yahoo japan", "yahoo! japan"],
    domains: ["yahoo.co.jp", "ymail.ne.jp"],
    mx: ["mail.yahoo.co.jp"],
  },
  {
    isp: "yahoo",
    called: [
      "yahoo",
      "yahoo!",
      "yahoo mail",
      "yahoo! mail",
      "aol",
      "aol mail",
      "yahoo / aol",
      "verizon media",
      "oath",
      "at&t",
      "att",
    ],
    names: ["yahoo", "ymail", "rocketmail", "myyahoo", "aol", "aim"],
    // AT&T's, Verizon's and Sky's mailboxes are kept by Yahoo
    domains: [
      "verizon.net",
      "att.net",
      "sbcglobal.net",
      "bellsouth.net",
      "ameritech.net",
      "currently.com",
      "flash.net",
      "nvbell.net",
      "pacbell.net",
      "prodigy.net",
      "snet.net",
      "swbell.net",
      "wans.net",
      "worldnet.att.net",
      "sky.com",
      "netscape.net",
      "love.com",
      "ygm.com",
      "games.com",
    ],
    mx: ["yahoodns.net", "biz.mail.yahoo.com"],
  },
  {
    isp: "apple",
    called: ["apple", "icloud", "icloud mail", "me.com"],
    domains: ["icloud.com", "me.com", "mac.com"],
    mx: ["mail.icloud.com", "mail.me.com"],
  },
  {
    isp: "gmx_webde",
    called: ["gmx", "web.de", "united internet", "gmx / web.de", "1&1"],
    names: ["gmx"],
    domains: [
      "web.de",
      "mail.com",
      "email.com",
      "usa.com",
      "myself.com",
      "consultant.com",
      "post.com",
      "europe.com",
      "asia.com",
      "iname.com",
      "writeme.com",
      "dr.com",
      "engineer.com",
      "cheerful.com",
    ],
    mx: ["gmx.net", "mx-ha.web.de", "mail.com"],
  },
  {
    isp: "t_online",
    called: ["t-online", "deutsche telekom"],
    domains: ["t-online.de", "magenta.de"],
    mx: ["t-online.de"],
  },
  { isp: "freenet", called: ["freenet"], domains: ["freenet.de", "01019freenet.de"], mx: ["freenet.de"] },
  { isp: "orange", called: ["orange", "wanadoo"], domains: ["orange.fr", "wanadoo.fr", "voila.fr"], mx: ["orange.fr"] },
  {
    isp: "free_fr",
    called: ["free", "free.fr"],
    domains: ["free.fr", "aliceadsl.fr", "libertysurf.fr"],
    mx: ["free.fr"],
  },
  {
    isp: "sfr",
    called: ["sfr"],
    domains: ["sfr.fr", "neuf.fr", "cegetel.net", "club-internet.fr", "numericable.fr", "9online.fr"],
    mx: ["sfr.fr"],
  },
  { isp: "laposte", called: ["laposte", "la poste"], domains: ["laposte.net"], mx: ["laposte.net"] },
  { isp: "bouygues", called: ["bouygues"], domains: ["bbox.fr"], mx: ["bbox.fr"] },
  {
    isp: "libero",
    called: ["libero", "italiaonline"],
    domains: ["libero.it", "virgilio.it", "iol.it", "blu.it", "giallo.it", "inwind.it"],
    mx: ["libero.it", "virgilio.it"],
  },
  {
    isp: "tim",
    called: ["tim", "telecom italia"],
    domains: ["tim.it", "alice.it", "tin.it"],
    mx: ["tim.it", "aliceposta.it"],
  },
  { isp: "tiscali", called: ["tiscali"], domains: ["tiscali.it", "tiscalinet.it"], mx: ["tiscali.it"] },
  {
    isp: "telefonica",
    called: ["telefonica", "movistar"],
    domains: ["telefonica.net", "movistar.es"],
    mx: ["telefonica.net"],
  },
  {
    isp: "ziggo",
    called: ["ziggo"],
    domains: ["ziggo.nl", "home.nl", "casema.nl", "upcmail.nl", "chello.nl", "quicknet.nl"],
    mx: ["ziggo.nl"],
  },
  {
    isp: "kpn",
    called: ["kpn"],
    domains: ["kpnmail.nl", "planet.nl", "hetnet.nl", "kpnplanet.nl", "xs4all.nl"],
    mx: ["kpnmail.nl", "kpnxchange.com"],
  },
  { isp: "telenet", called: ["telenet"], domains: ["telenet.be"], mx: ["telenet-ops.be"] },
  {
    isp: "proximus",
    called: ["proximus", "skynet"],
    domains: ["skynet.be", "proximus.be", "belgacom.net"],
    mx: ["proximus.be"],
  },
  { isp: "bluewin", called: ["bluewin", "swisscom"], domains: ["bluewin.ch"], mx: ["bluewin.ch"] },
  {
    isp: "bt",
    called: ["bt", "btinternet"],
    domains: ["btinternet.com", "btopenworld.com", "talk21.com"],
    mx: ["btinternet.com"],
  },
  {
    isp: "virgin_media",
    called: ["virgin media"],
    domains: ["virginmedia.com", "ntlworld.com", "blueyonder.co.uk", "virgin.net"],
    mx: ["virginmedia.com"],
  },
  {
    isp: "talktalk",
    called: ["talktalk"],
    domains: ["talktalk.net", "tiscali.co.uk", "lineone.net"],
    mx: ["talktalk.net"],
  },
  { isp: "comcast", called: ["comcast", "xfinity"], domains: ["comcast.net", "xfinity.com"], mx: ["comcast.net"] },
  {
    isp: "charter",
    called: ["charter", "spectrum"],
    domains: ["charter.net", "spectrum.net", "twc.com", "brighthouse.com", "bresnan.net"],
    mx: ["charter.net", "charter.com", "spectrum.net"],
  },
  { isp: "cox", called: ["cox"], domains: ["cox.net"], mx: ["cox.net"] },
  {
    isp: "centurylink",
    called: ["centurylink"],
    domains: ["centurylink.net", "q.com", "embarqmail.com", "qwest.net"],
    mx: ["centurylink.net"],
  },
  { isp: "earthlink", called: ["earthlink"], domains: ["earthlink.net", "mindspring.com"], mx: ["earthlink.net"] },
  { isp: "bell_canada", called: ["bell", "sympatico"], domains: ["sympatico.ca", "bell.net"], mx: ["bell.net"] },
  { isp: "rogers", called: ["rogers"], domains: ["rogers.com", "shaw.ca"], mx: ["shaw.ca"] },
  {
    isp: "telstra",
    called: ["telstra", "bigpond"],
    domains: ["bigpond.com", "bigpond.net.au", "telstra.com"],
    mx: ["bigpond.com"],
  },
  { isp: "optus", called: ["optus"], domains: ["optusnet.com.au"], mx: ["optusnet.com.au"] },
  { isp: "uol", called: ["uol", "bol"], domains: ["uol.com.br", "bol.com.br"], mx: ["uol.com.br"] },
  { isp: "terra", called: ["terra"], domains: ["terra.com.br", "terra.com", "terra.es"], mx: ["terra.com"] },
  {
    isp: "mail_ru",
    called: ["mail.ru", "vk", "mailru"],
    domains: ["mail.ru", "inbox.ru", "list.ru", "bk.ru", "internet.ru", "xmail.ru"],
    mx: ["mail.ru"],
  },
  {
    isp: "yandex",
    called: ["yandex"],
    names: ["yandex"],
    domains: ["ya.ru", "narod.ru"],
    mx: ["mx.yandex.net", "mx.yandex.ru"],
  },
  {
    isp: "rambler",
    called: ["rambler"],
    domains: ["rambler.ru", "lenta.ru", "autorambler.ru", "myrambler.ru", "ro.ru"],
    mx: ["rambler.ru"],
  },
  { isp: "ukr_net", called: ["ukr.net"], domains: ["ukr.net"], mx: ["ukr.net"] },
  {
    isp: "seznam",
    called: ["seznam"],
    domains: ["seznam.cz", "email.cz", "post.cz", "spoluzaci.cz"],
    mx: ["seznam.cz"],
  },
  {
    isp: "centrum",
    called: ["centrum"],
    domains: ["centrum.cz", "atlas.cz", "volny.cz", "centrum.sk"],
    mx: ["centrum.cz"],
  },
  {
    isp: "wp",
    called: ["wp", "wirtualna polska"],
    domains: ["wp.pl", "o2.pl", "tlen.pl", "go2.pl"],
    mx: ["wp.pl", "o2.pl"],
  },
  {
    isp: "onet",
    called: ["onet"],
    domains: ["onet.pl", "onet.eu", "op.pl", "poczta.onet.pl", "vp.pl", "autograf.pl", "buziaczek.pl"],
    mx: ["onet.pl"],
  },
  {
    isp: "interia",
    called: ["interia"],
    domains: ["interia.pl", "interia.eu", "poczta.fm", "intmail.pl"],
    mx: ["interia.pl"],
  },
  { isp: "freemail_hu", called: ["freemail"], domains: ["freemail.hu", "citromail.hu"], mx: ["freemail.hu"] },
  { isp: "abv", called: ["abv"], domains: ["abv.bg", "gyuvetch.bg"], mx: ["abv.bg"] },
  { isp: "telia", called: ["telia"], domains: ["telia.com"], mx: ["telia.com"] },
  {
    isp: "qq",
    called: ["qq", "tencent", "foxmail"],
    domains: ["qq.com", "vip.qq.com", "foxmail.com"],
    mx: ["mx1.qq.com", "mx2.qq.com", "mx3.qq.com"],
  },
  {
    isp: "netease",
    called: ["netease", "163", "126"],
    domains: ["163.com", "126.com", "yeah.net", "188.com", "vip.163.com", "vip.126.com"],
    mx: ["netease.com"],
  },
  { isp: "sina", called: ["sina"], domains: ["sina.com", "sina.cn", "vip.sina.com"], mx: ["sina.com.cn"] },
  { isp: "sohu", called: ["sohu"], domains: ["sohu.com"], mx: ["sohu.com"] },
  { isp: "docomo", called: ["docomo", "ntt docomo"], domains: ["docomo.ne.jp"], mx: ["docomo.ne.jp"] },
  { isp: "au_kddi", called: ["au", "kddi"], domains: ["ezweb.ne.jp", "au.com"], mx: ["au.com", "ezweb.ne.jp"] },
  {
    isp: "softbank",
    called: ["softbank"],
    domains: ["softbank.ne.jp", "i.softbank.jp", "ymobile.ne.jp"],
    mx: ["softbank.ne.jp", "softbank.jp"],
  },
  { isp: "naver", called: ["naver"], domains: ["naver.com"], mx: ["naver.com"] },
  {
    isp: "daum",
    called: ["daum", "kakao", "hanmail"],
    domains: ["daum.net", "hanmail.net", "kakao.com"],
    mx: ["hanmail.net", "daum.net"],
  },
  {
    isp: "rediff",
    called: ["rediff", "rediffmail"],
    domains: ["rediffmail.com", "rediff.com"],
    mx: ["rediffmail.com"],
  },
  {
    isp: "proton",
    called: ["proton", "protonmail"],
    domains: ["protonmail.com", "proton.me", "pm.me", "protonmail.ch"],
    mx: ["protonmail.ch"],
  },
  { isp: "fastmail", called: ["fastmail"], domains: ["fastmail.com", "fastmail.fm"], mx: ["messagingengine.com"] },
  {
    isp: "zoho",
    called: ["zoho"],
    domains: ["zohomail.com", "zoho.com", "zohomail.eu", "zohomail.in"],
    mx: ["zoho.com", "zoho.eu", "zoho.in", "zohomail.com"],
  },
  {
    isp: "tuta",
    called: ["tuta", "tutanota"],
    domains: ["tuta.io", "tuta.com", "tutanota.com", "tutanota.de"],
    mx: ["tutanota.de"],
  },
  {
    isp: "google_workspace",
    called: ["google workspace", "g suite", "google apps", "gsuite"],
    mx: ["l.google.com", "googlemail.com", "smtp.google.com"],
  },
  {
    isp: "microsoft_365",
    called: ["microsoft 365", "office 365", "office365", "exchange online", "o365", "m365"],
    mx: ["mail.protection.outlook.com", "mx.microsoft", "mail.protection.partner.outlook.cn"],
  },
  { isp: "proofpoint", called: ["proofpoint"], mx: ["pphosted.com", "ppe-hosted.com", "gpphosted.com"] },
  { isp: "mimecast", called: ["mimecast"], mx: ["mimecast.com", "mimecast.co.za"] },
  { isp: "barracuda", called: ["barracuda"], mx: ["barracudanetworks.com", "cudamail.com"] },
  { isp: "cisco", called: ["cisco", "ironport"], mx: ["iphmx.com"] },
  { isp: "broadcom", called: ["messagelabs", "symantec", "broadcom"], mx: ["messagelabs.com"] },
  { isp: "trend_micro", called: ["trend micro"], mx: ["tmes.trendmicro.com", "tmes.trendmicro.eu"] },
  { isp: "sophos", called: ["sophos"], mx: ["prod.hydra.sophos.com", "reflexion.net"] },
  { isp: "hornetsecurity", called: ["hornetsecurity"], mx: ["hornetsecurity.com", "antispameurope.com"] },
  { isp: "ionos", called: ["ionos"], mx: ["kundenserver.de", "perfora.net", "ionos.com", "ionos.de"] },
  { isp: "ovh", called: ["ovh"], mx: ["ovh.net", "ovh.ca"] },
  { isp: "rackspace", called: ["rackspace"], mx: ["emailsrvr.com"] },
  { isp: "godaddy", called: ["godaddy"], mx: ["secureserver.net"] },
  { isp: "strato", called: ["strato"], mx: ["rzone.de"] },
  {
    isp: "amazon_workmail",
    called: ["amazon workmail"],
    mx: [
      "inbound-smtp.us-east-1.amazonaws.com",
      "inbound-smtp.us-west-2.amazonaws.com",
      "inbound-smtp.eu-west-1.amazonaws.com",
    ],
  },
];

/** `name` under any top-level domain that a country or two parts may have: yahoo.com, yahoo.co.uk, live.com.au. */
const underAnyTop = (names) => `^(?:${names.join("|")})\\.[a-z]{2,3}(?:\\.[a-z]{2})?$`;

const quoted = (values) => values.map((one) => `'${one}'`).join(", ");
const column = (given, maker) => {
  if (typeof given !== "string" || given === "") throw new Error(`includes/isps.js: ${maker} wants a column`);
  return given;
};

/**
 * The mailbox provider group of a domain; NULL where there is none.
 *
 *   ofDomain("recipient_domain")  =>  case when recipient_domain is null then null when ... then 'gmail' ... else 'other' end
 */
function ofDomain(given) {
  const domain = column(given, "ofDomain");
  const branches = groups.flatMap(({ isp, names = [], domains = [] }) => [
    ...(domains.length > 0 ? [`when lower(${domain}) in (${quoted(domains)}) then '${isp}'`] : []),
    ...(names.length > 0 ? [`when regexp_contains(lower(${domain}), r'${underAnyTop(names)}') then '${isp}'`] : []),
  ]);
  return `case when ${domain} is null then null ${branches.join(" ")} else 'other' end`;
}

/**
 * The group that a source means by its word for a provider: our own word, the provider's name, or one of its domains; the word itself in lower
 * case where nobody knows it.
 *
 *   called("isp")  =>  case when isp is null then null when lower(isp) in ('gmail', ...) then lower(isp) when lower(isp) in ('hotmail', ...) then 'outlook' ... end
 */
function called(given) {
  const word = `lower(trim(${column(given, "called")}))`;
  const branches = groups.flatMap(({ isp, called: words, names = [], domains = [] }) => {
    const others = [...words, ...domains].filter((one) => one !== isp);
    return [
      ...(others.length > 0 ? [`when ${word} in (${quoted(others)}) then '${isp}'`] : []),
      ...(names.length > 0 ? [`when regexp_contains(${word}, r'${underAnyTop(names)}') then '${isp}'`] : []),
    ];
  });
  const own = quoted([...groups.map(({ isp }) => isp), "other", "unknown"]);
  return `case when ${given} is null then null when ${word} in (${own}) then ${word} ${branches.join(" ")} else ${word} end`;
}

/** Longest first, so that what is said of a part of a provider goes before the whole. */
const suffixes = groups
  .flatMap(({ isp, mx = [] }) => mx.map((suffix) => [suffix, isp]))
  .sort(([left], [right]) => right.length - left.length);

/**
 * The group that takes the mail for a host of an MX record; undefined where the table does not know it.
 *
 *   ofMx("example-com.mail.protection.outlook.com.")  =>  "microsoft_365"
 */
function ofMx(host) {
  const name = typeof host === "string" ? host.trim().toLowerCase().replace(/\.$/, "") : "";
  return suffixes.find(([suffix]) => name === suffix || name.endsWith(`.${suffix}`))?.[1];
}

module.exports = { groups, ofDomain, called, ofMx };
