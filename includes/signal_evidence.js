// What an open, a click or an unsubscribe says about who made it, once: each piece of evidence with its question, its bins and its SQL,
// and what is thought of it before any signal was seen.
//
// Signals of alike evidence make a pattern. A mixture of kinds of people and of machines is fitted over the patterns (includes/mixture.js):
// what is written here is where it starts and what it holds to while there are few signals; with many, what they show counts. No threshold
// of a scanner is in it. Opens make one family; clicks and unsubscribes, which a scanner presses alike, another.

const machines = require("./machines");
const sql = require("./sql");

/** Acts of one message within this many seconds of each other count as at once. */
const burstSeconds = 10;
/** Recipients of one network within this many seconds of each other count as at once. */
const networkSeconds = 20;
/** An act so soon after the delivery is early for a reader, whoever's it is: a third or less of what people do comes so early. */
const earlySeconds = 900;
/** A recipient's signals so soon after the delivery, on other messages, speak for a machine before the mailbox. */
const instantSeconds = 60;
/** What the customer does on the site within this time after a signal comes of it. */
const visitSeconds = 1800;
/** Links that no reader sees. */
const honeypotPattern = "honey[-_ ]?pot|hidden[-_ ]?link|bot[-_ ]?trap|decoy|invisible|do[-_ ]?not[-_ ]?click";

/**
 * The evidence. `bins` are its possible answers, `sql` the answer for a row of labels.signal_evidence's `measured`; NULL where nothing can be
 * said, which weighs nothing.
 */
const evidence = [
  {
    name: "flag",
    question: "Does the provider call it a machine's?",
    bins: ["yes", "no", "unsaid"],
    sql: "case when machine_flag then 'yes' when not machine_flag then 'no' else 'unsaid' end",
  },
  {
    name: "agent",
    question: "What kind of program does the user agent name?",
    bins: [...machines.agentClasses.map(({ name }) => name).filter((name) => name !== "replaced"), "other"],
    sql: "if(agent_class = 'replaced', null, agent_class)",
  },
  {
    name: "delay",
    question: "How long after the delivery?",
    bins: ["before", "2s", "10s", "1m", "10m", "1h", "6h", "later"],
    sql: "case when seconds_after_delivery is null then null when seconds_after_delivery < 0 then 'before' when seconds_after_delivery < 2 then '2s' when seconds_after_delivery < 10 then '10s' when seconds_after_delivery < 60 then '1m' when seconds_after_delivery < 600 then '10m' when seconds_after_delivery < 3600 then '1h' when seconds_after_delivery < 21600 then '6h' else 'later' end",
  },
  {
    name: "burst",
    question: "How many links of the message were followed at the same time?",
    bins: ["none", "one", "two", "many"],
    sql: "case when links_at_once = 0 then 'none' when links_at_once = 1 then 'one' when links_at_once = 2 then 'two' else 'many' end",
  },
  {
    name: "gap",
    question: "How long after the signal before it on the same message?",
    bins: ["first", "again", "1s", "5s", "1m", "later"],
    sql: "case when not is_first_of_link then 'again' when seconds_after_previous is null then 'first' when seconds_after_previous < 1.5 then '1s' when seconds_after_previous < 5 then '5s' when seconds_after_previous < 60 then '1m' else 'later' end",
  },
  {
    name: "network",
    question: "Do the other messages of its network get their signals early?",
    bins: ["own", "few", "slow", "mixed", "early"],
    sql: "case when network_messages is null then null when network_recipients <= 1 then 'own' when network_messages < 4 then 'few' when network_early < 0.35 * network_messages then 'slow' when network_early < 0.65 * network_messages then 'mixed' else 'early' end",
  },
  {
    name: "at_once",
    question: "How many messages had a signal from the same network at once?",
    bins: ["one", "few", "many"],
    sql: "case when network_at_once is null then null when network_at_once <= 1 then 'one' when network_at_once <= 3 then 'few' else 'many' end",
  },
  {
    name: "habit",
    question: "On how many of the recipient's other messages is there such a signal?",
    bins: ["rare", "some", "most", "all"],
    sql: "case when other_messages < 3 then null when other_signalled <= 0.1 * other_messages then 'rare' when other_signalled <= 0.45 * other_messages then 'some' when other_signalled <= 0.85 * other_messages then 'most' else 'all' end",
  },
  {
    name: "instant_habit",
    question: "Do the recipient's other messages get their first signal at once?",
    bins: ["no", "mixed", "yes"],
    sql: "case when other_first_signals < 2 then null when other_instant <= 0.2 * other_first_signals then 'no' when other_instant <= 0.7 * other_first_signals then 'mixed' else 'yes' end",
  },
  {
    name: "after",
    question: "What did the customer do that only a person does?",
    bins: ["bought", "answered", "visited", "read", "nothing"],
    sql: "case when has_conversion then 'bought' when has_answer then 'answered' when has_visit then 'visited' when has_read then 'read' else 'nothing' end",
  },
  {
    name: "honeypot",
    question: "Was a link followed that no reader sees?",
    bins: ["yes", "no"],
    sql: "if(has_honeypot, 'yes', 'no')",
  },
];

const spread = (bins, given) => {
  const named = Object.values(given).reduce((total, p) => total + p, 0);
  const open = bins.filter((bin) => given[bin] === undefined);
  const rest = Math.max(0.002 * open.length, 1 - named);
  const all = bins.map((bin) => given[bin] ?? rest / open.length);
  const total = all.reduce((sum, p) => sum + p, 0);
  return all.map((p) => p / total);
};

const person = {
  flag: { yes: 0.02, no: 0.38, unsaid: 0.6 },
  agent: {
    scanner: 0.003,
    proxy: 0.01,
    relay: 0.03,
    mac_mail: 0.08,
    mail_client: 0.22,
    phone: 0.3,
    browser: 0.32,
    other: 0.037,
  },
  delay: { before: 0.004, "2s": 0.004, "10s": 0.02, "1m": 0.05, "10m": 0.2, "1h": 0.25, "6h": 0.25, later: 0.222 },
  network: { own: 0.35, few: 0.15, slow: 0.43, mixed: 0.05, early: 0.02 },
  at_once: { one: 0.88, few: 0.1, many: 0.02 },
  instant_habit: { no: 0.86, mixed: 0.12, yes: 0.02 },
  honeypot: { yes: 0.002, no: 0.998 },
};
const gateway = {
  flag: { yes: 0.25, no: 0.15, unsaid: 0.6 },
  agent: {
    scanner: 0.28,
    proxy: 0.02,
    relay: 0.004,
    mac_mail: 0.03,
    mail_client: 0.03,
    phone: 0.1,
    browser: 0.45,
    other: 0.086,
  },
  network: { own: 0.04, few: 0.08, slow: 0.1, mixed: 0.2, early: 0.58 },
  at_once: { one: 0.55, few: 0.25, many: 0.2 },
  instant_habit: { no: 0.2, mixed: 0.3, yes: 0.5 },
  honeypot: { yes: 0.1, no: 0.9 },
};
const openPerson = {
  ...person,
  burst: { none: 0.86, one: 0.11, two: 0.02, many: 0.01 },
  gap: { first: 0.7, again: 0.2, "1s": 0.005, "5s": 0.015, "1m": 0.04, later: 0.04 },
  habit: { rare: 0.25, some: 0.45, most: 0.2, all: 0.1 },
  after: { bought: 0.02, answered: 0.01, visited: 0.07, read: 0.2, nothing: 0.7 },
};
const openGateway = {
  ...gateway,
  burst: { none: 0.6, one: 0.1, two: 0.1, many: 0.2 },
  gap: { first: 0.9, again: 0.05, "1s": 0.02, "5s": 0.01, "1m": 0.01, later: 0.01 },
  habit: { rare: 0.05, some: 0.2, most: 0.4, all: 0.35 },
  after: { bought: 0.003, answered: 0.003, visited: 0.012, read: 0.06, nothing: 0.922 },
};
const actPerson = {
  ...person,
  burst: { none: 0.002, one: 0.9, two: 0.08, many: 0.018 },
  gap: { first: 0.18, again: 0.06, "1s": 0.01, "5s": 0.1, "1m": 0.42, later: 0.23 },
  habit: { rare: 0.7, some: 0.24, most: 0.04, all: 0.02 },
  after: { bought: 0.1, answered: 0.01, visited: 0.35, read: 0.12, nothing: 0.42 },
};
const actGateway = {
  ...gateway,
  burst: { none: 0.002, one: 0.25, two: 0.13, many: 0.618 },
  gap: { first: 0.25, again: 0.02, "1s": 0.45, "5s": 0.17, "1m": 0.06, later: 0.05 },
  habit: { rare: 0.25, some: 0.4, most: 0.25, all: 0.1 },
  after: { bought: 0.003, answered: 0.002, visited: 0.02, read: 0.03, nothing: 0.945 },
};

const hurried = { delay: { "2s": 0.5, "10s": 0.4, "1m": 0.08 } };
const skewed = { delay: { before: 0.93 } };
const atOnce = { delay: { before: 0.02, "2s": 0.42, "10s": 0.32, "1m": 0.18, "10m": 0.04 } };
const patient = {
  delay: { "10s": 0.02, "1m": 0.15, "10m": 0.58, "1h": 0.22, "6h": 0.02 },
  instant_habit: { no: 0.8, mixed: 0.15, yes: 0.05 },
};

/** The kinds of people and machines of each family, with their share to begin with. What is `firm` makes the kind, and is not learned. */
const families = [
  {
    name: "open",
    types: ["open"],
    kinds: [
      { name: "reader", isHuman: true, share: 0.25, tables: openPerson },
      {
        name: "reader_behind_relay",
        isHuman: true,
        share: 0.22,
        tables: {
          ...openPerson,
          agent: { relay: 0.97 },
          network: { own: 0.03, few: 0.05, slow: 0.8, mixed: 0.1, early: 0.02 },
          at_once: { one: 0.5, few: 0.25, many: 0.25 },
        },
      },
      { name: "hurried_reader", isHuman: true, share: 0.01, tables: { ...openPerson, ...hurried } },
      {
        name: "reader_of_late_report",
        isHuman: true,
        firm: ["delay"],
        share: 0.01,
        tables: { ...openPerson, ...skewed },
      },
      {
        name: "privacy_proxy",
        isHuman: false,
        share: 0.35,
        tables: {
          ...openGateway,
          flag: { yes: 0.6, no: 0.08, unsaid: 0.32 },
          agent: { proxy: 0.6, mac_mail: 0.35, other: 0.01 },
          delay: { before: 0.01, "2s": 0.03, "10s": 0.06, "1m": 0.15, "10m": 0.25, "1h": 0.25, "6h": 0.2, later: 0.05 },
          network: { own: 0.02, few: 0.04, slow: 0.5, mixed: 0.38, early: 0.06 },
          at_once: { one: 0.5, few: 0.25, many: 0.25 },
          burst: { none: 0.93, one: 0.05, two: 0.01, many: 0.01 },
          habit: { rare: 0.02, some: 0.13, most: 0.45, all: 0.4 },
          instant_habit: { no: 0.75, mixed: 0.2, yes: 0.05 },
          after: { bought: 0.006, answered: 0.004, visited: 0.02, read: 0.1, nothing: 0.87 },
        },
      },
      {
        name: "prefetch",
        isHuman: false,
        share: 0.02,
        tables: {
          ...openPerson,
          flag: { yes: 0.1, no: 0.2, unsaid: 0.7 },
          agent: { relay: 0.95 },
          delay: { "2s": 0.35, "10s": 0.55, "1m": 0.05 },
          network: { own: 0.03, few: 0.05, slow: 0.8, mixed: 0.1, early: 0.02 },
          at_once: { one: 0.5, few: 0.25, many: 0.25 },
        },
      },
      { name: "gateway_at_once", isHuman: false, firm: ["delay"], share: 0.08, tables: { ...openGateway, ...atOnce } },
      { name: "gateway_that_waits", isHuman: false, share: 0.04, tables: { ...openGateway, ...patient } },
      {
        name: "gateway_before_delivery",
        isHuman: false,
        firm: ["delay"],
        share: 0.02,
        tables: { ...openGateway, ...skewed },
      },
    ],
  },
  {
    name: "act",
    types: ["click", "unsubscribe"],
    kinds: [
      { name: "reader", isHuman: true, share: 0.55, tables: actPerson },
      {
        name: "hurried_reader",
        isHuman: true,
        share: 0.02,
        tables: { ...actPerson, ...hurried, gap: { first: 0.15, again: 0.05, "1s": 0.5, "5s": 0.25, "1m": 0.04 } },
      },
      {
        name: "reader_of_late_report",
        isHuman: true,
        firm: ["delay"],
        share: 0.01,
        tables: { ...actPerson, ...skewed },
      },
      { name: "gateway_at_once", isHuman: false, firm: ["delay"], share: 0.25, tables: { ...actGateway, ...atOnce } },
      { name: "gateway_that_waits", isHuman: false, share: 0.12, tables: { ...actGateway, ...patient } },
      {
        name: "gateway_before_delivery",
        isHuman: false,
        firm: ["delay"],
        share: 0.05,
        tables: { ...actGateway, ...skewed },
      },
    ],
  },
];

/**
 * What the mixture is given of a family: evidence, kinds, where they start.
 *
 * @returns {{ evidence: { name: string, bins: string[] }[], kinds: { name: string, isHuman: boolean, share: number, firm: string[], tables: number[][] }[] }}
 */
const start = (family) => ({
  evidence: evidence.map(({ name, bins }) => ({ name, bins })),
  kinds: family.kinds.map(({ name, isHuman, share, firm = [], tables }) => ({
    name,
    isHuman,
    share,
    firm,
    tables: evidence.map((piece) => spread(piece.bins, tables[piece.name])),
  })),
});

/** The family of an event type as SQL. */
const familyOf = (column) =>
  `case ${families.map(({ name, types }) => `when ${column} in (${types.map(sql.quoted).join(", ")}) then '${name}'`).join(" ")} end`;

/** The pattern of a row of `measured`: the answers in order, `-` where nothing can be said. */
const patternOf = () => `concat(${evidence.map((piece) => `coalesce(${piece.sql}, '-')`).join(", '|', ")})`;

/** How the mixture is fitted: what is written above counts as this many signals of each kind, in at most so many rounds, over so many patterns. */
const fitting = { strength: 60, rounds: 12, most: 600 };

module.exports = {
  fitting,
  evidence,
  families,
  start,
  familyOf,
  patternOf,
  burstSeconds,
  networkSeconds,
  earlySeconds,
  instantSeconds,
  visitSeconds,
  honeypotPattern,
};
