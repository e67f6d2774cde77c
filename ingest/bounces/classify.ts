// The one judge of bounces: mails, webhooks and files alike give it what was said and get the same answer.

import { operatorCode } from "./operator-codes.ts";
import { type BounceReason, type ReasonRule, reasons } from "./reasons.ts";
import { refusedStep, type SmtpStep } from "./refused-command.ts";
import { type BounceClass, readSmtpReply, type SmtpReply } from "./smtp-reply.ts";

/**
 * Who or what was refused: the recipient's address or mailbox, our sender (address, domain, authentication), what the mail contains, the host
 * that sent it, or how fast; `system` where something on the way failed and nobody was refused. Only a refusal of the recipient condemns an address.
 */
export type RefusedParty = "recipient" | "sender" | "content" | "host" | "rate" | "system";

export interface Refusal {
  /** What the server said of this recipient, with its codes where it gave some. */
  readonly said: string | null | undefined;
  /** The status that the reporter states beside it (RFC 3464); an x.0.0 says nothing (RFC 3463 section 3.1). */
  readonly status?: string | null | undefined;
  /** The reply code that the reporter states beside it. */
  readonly smtpCode?: string | null | undefined;
  /** What the reporter takes it for; decides where neither words nor codes do. */
  readonly reported?: BounceClass | undefined;
  /** The rest of a report's words on this recipient: it may tell which command was refused. */
  readonly session?: string | undefined;
  /** It comes out of a report in prose (none of RFC 3464): whose words they are, and to which command they were the answer, is not said. */
  readonly isProse?: boolean | undefined;
  /** A content filter that had already taken the mail tells it: its "no such user" may be a verdict on the mail. */
  readonly isFiltersWord?: boolean | undefined;
}

export interface Verdict {
  readonly reason: BounceReason;
  readonly bounceClass: BounceClass;
  readonly refusedParty: RefusedParty;
}

/** What is refused where a reason is given. */
const partyOfReason: Readonly<Record<string, RefusedParty>> = {
  userunknown: "recipient",
  hostunknown: "recipient",
  hasmoved: "recipient",
  notaccept: "recipient",
  mailboxfull: "recipient",
  suspend: "recipient",
  filtered: "recipient",
  rejected: "sender",
  authfailure: "sender",
  securityerror: "sender",
  norelaying: "sender",
  spamdetected: "content",
  virusdetected: "content",
  policyviolation: "content",
  contenterror: "content",
  notcompliantrfc: "content",
  mesgtoobig: "content",
  exceedlimit: "content",
  blocked: "host",
  badreputation: "host",
  requireptr: "host",
  speeding: "rate",
  toomanyconn: "rate",
};

const isEnhanced = (status: string | null | undefined): status is string =>
  /^[245]\.\d{1,3}\.\d{1,3}$/.test(status ?? "");

/** A queue that gave up quotes what it last heard: `554 4.4.7 Message expired ... <421 4.4.2 Connection timed out>`. */
const lastReply = (said: string): string =>
  /<([45]\d\d[ -][245]\.\d{1,3}\.\d{1,3} [^<>]*)>\s*$/.exec(said)?.[1] ?? said;

/**
 * The codes of a refusal: those that the server gave together are the reply itself; a status that says something goes before the words; one that
 * says nothing (x.0.0, and x.4.7 for "time ran out") gives way to whatever code the words hold.
 */
export function codesOf({ said, status, smtpCode }: Pick<Refusal, "said" | "status" | "smtpCode">): SmtpReply {
  const text = said ?? "";
  // A program's exit status looks like a reply code and is none.
  const found = /^\s*x-unix\s*;/i.test(text) ? {} : readSmtpReply(lastReply(text));
  const stated = isEnhanced(status) ? status : undefined;
  const isVague = stated === undefined || /^[245]\.(0\.0|4\.7)$/.test(stated);
  const isReply = Boolean(found.smtpCode && found.enhancedCode);
  const enhancedCode = isVague || isReply ? (found.enhancedCode ?? stated) : stated;
  const code = found.smtpCode ?? (/^[245]\d\d$/.test(smtpCode ?? "") ? (smtpCode ?? undefined) : undefined);
  return { ...(code ? { smtpCode: code } : {}), ...(enhancedCode ? { enhancedCode } : {}) };
}

/** The codes, the reason and the class of a refusal, whatever road it came by. */
export function classifyRefusal(refusal: Refusal): SmtpReply & Verdict {
  const reply = codesOf(refusal);
  return { ...reply, ...judge(refusal, reply) };
}

const anAddress = /[<"'[(]{0,2}[^\s<>"'()[\]@]{1,128}@[^\s<>"'()[\]@:;,]{1,255}[>"')\]]{0,2}/g;

/** What a mail system writes around the server's words: "SMTP error from remote mail server after RCPT TO:<a@b>: host mx.b [192.0.2.9]: 550 ...". */
const frame =
  /^(?:smtp error from remote mail(?:er| server) after [^:]{1,40}(?::\s*<[^<>]*>)?(?: size=\d+)?:\s*)?host \S+ \[[^\]]+\](?: said)?:\s*(?=[45]\d\d\b)|^(?:[\d.]+ )?(?:does not like (?:sender|recipient)|failed after i sent the message)\.\s*remote host said:\s*(?=[45]\d\d\b)/i;
const withoutFrame = (text: string): string => text.trim().replace(frame, "");

/** Codes that servers use for nearly anything: what they say counts more than these. */
const vagueCode = /^[45]\.(0\.\d+|1\.[013]|1\.10|2\.[01]|3\.0|4\.[0124]|5\.\d+|6\.0|7\.([01]|1[78]))$/;
/** Wordings that only the recipient's own system has. */
const ownWords =
  /doesn.t have an? [\w.-]+ account|delivery error: dd .{0,60}mailbox not found|^550 5\.7\.1 no such user!|addressee unknown, relay=|requested action not taken: mailbox unavailable|^550[ :]+<[^<>\s]+>: user unknown/i;
/** A system that keeps the addresses itself tells that it has looked. */
const lookedUp =
  /not (?:listed|found|present) in (?:the )?(?:\w+ )?(?:directory|name|address book)|recipient name is not recogni[sz]ed|no valid recipients?\b|(?:^|[.\n] ?)unknown (?:user|address|recipient): |does not exist at the organi[sz]ation|\b(?:on|at) this (?:system|site|organi[sz]ation)\b|not our customer/i;
/** The envelope as Apache James writes it into its notices: not what was refused, only what was asked. */
const envelope = /^[ \t]*MAIL FROM: .*\r?\n[ \t]*RCPT TO: .*$/gim;
/** A report in prose says that another server gave the answer. */
const remoteAnswer =
  /\b(?:remote|other|receiving|destination|recipient's)(?: e?-?mail| smtp)? (?:host|server|system)\b|\bhost \S+ ?[[(]\d|\bserver (?:said|replied|responded|returned)\b|<<< |\bsaid:/i;
/** The refusal is of the recipient, not of the mail as a whole. */
const refusedRecipient =
  /\brcpt(?:\b|_to)|does not like recipient|recipient address rejected|mailbox here by that name/i;
/** Words that only a recipient's address deserves. */
const ofReader =
  /\b(?:no such|unknown|invalid|non-?exist\w*|bad|undeliverable)[ -](?:local )?(?:user|recipient|mail ?box|account|addressee|alias|person|rcpt|local part)|\bunroute?able address|\b(?:user|recipient|mail ?box|account|addressee|alias|rcpt|person)(?:'s)?(?: e-?mail)?(?: address| name)?\b[^.;]{0,50}(?:unknown|not (?:be )?(?:found|known|exist|valid|listed|available)|(?:does|do|did)(?:n.t| not) exist|no longer (?:exist|valid)|is invalid|invalid$)|\bno (?:mail ?box|user|account|recipient) (?:here )?(?:by|with|of|under) (?:that|this) (?:name|address)|^[45]\d\d[ -](?:[45]\.\d+\.\d+ )?(?:user|recipient|mailbox) unknown/i;
/** The address alone, with nothing beside it that could be meant instead. */
const ofAddress =
  /^[45]\d\d[ -](?:[45]\.\d+\.\d+ )?(?:(?:e-?mail )?address|@)(?: is)? (?:unknown|not found|non-?existent|(?:does|do)(?:n.t| not) exist)/i;
/** Words about our side of the session, in the order in which they are believed: what is refused is not the reader's address. */
const ofUs: readonly (readonly [RegExp, BounceReason])[] = [
  [
    /\bsender(?:'s)?(?: e-?mail)?(?: address| domain| name)?(?: is| was)? (?:rejected|denied|refused|invalid|unknown|blocked|unverified|not (?:exist|found|valid|verified|allowed))|\bsender verif|\bverif\w+ (?:of|for) (?:the |your )?sender\b|\bverification failed for @|\byour (?:e-?mail |mail |sending )?domain\b[^.;]{0,40}(?:unknown|invalid|not (?:exist|found|valid|resolve)|(?:does|do)(?:n.t| not) (?:exist|resolve))|\b(?:unknown|invalid|bad|illegal|unverified|unroutable|unrouteable|unresolvable) (?:envelope )?(?:sender|originator|return[ -]?path|reverse[ -]?path|mail ?from|from\b)|\bdomain of (?:the )?sender|\bsender(?:'s)? domain|\b(?:mail ?from|return[ -]?path|reverse[ -]?path|envelope[ -](?:sender|from)|from (?:address|domain|header))\b[^.;]{0,40}(?:unknown|invalid|reject|refus|denied|bad|(?:does|do)(?:n.t| not) (?:exist|resolve)|not (?:exist|found|valid|verif))|\b(?:for|from) (?:this |your |the )?sender\b/i,
    "rejected",
  ],
  [/\brate[ -]?limit|\b(?:sending|message|connection|delivery) (?:rate|limit|quota)\b/i, "toomanyconn"],
  [
    /\b(?:is|are|been|in|on|by|using|our|the|a|your)\b[^.;]{0,25}\b(?:block|black|deny)[- ]?list|\b(?:dns[br]l|rbl|spamhaus|spamcop)\b|\bdns ptr\b|\bip(?: address)? (?:is|was|has been) (?:temporarily )?(?:blocked|banned)/i,
    "blocked",
  ],
  [/\breject(?:ed)? due to (?:policy|spf|dmarc|dkim)/i, "policyviolation"],
  [
    /\b(?:he|eh)lo\b(?!:)|\b(?:invalid|bad|unknown|illegal|unacceptable|rejected) (?:he|eh)lo\b|\byour (?:mail ?|smtp |sending )?(?:host|server)(?:.?s)?(?: ?name)?\b[^.;]{0,40}(?:unknown|invalid|not (?:exist|found|valid|resolve|known)|(?:does|do)(?:n.t| not) (?:exist|resolve))|\b(?:invalid|bad|unknown|illegal|unauthori[sz]ed|dynamic) (?:sending |source |client )?ip\b|\bip(?: address)?\b[^.;]{0,40}\b(?:invalid|unknown|not (?:valid|allowed|permitted|authori[sz]ed)|for sending)/i,
    "blocked",
  ],
  [
    /\b(?:invalid|bad|illegal|unacceptable|suspicious|forbidden|prohibited|malformed|unknown) (?:message )?(?:content|subject|attachment|header|body|url|link)\b|\b(?:content|attachment|subject|header|body)\b[^.;]{0,30}\b(?:invalid|reject|refus|not (?:valid|allowed|accept)|looks like)|\bjunk\b/i,
    "spamdetected",
  ],
];

/**
 * The reason, the class and the party of a refusal by what the server said and by its codes. A code that means one thing goes first; then the words;
 * then a vague code; then the class of the reply alone (RFC 5321, RFC 3463). Of what was refused before the recipients were named nobody is condemned.
 */
function judge(refusal: Refusal, reply: SmtpReply): Verdict {
  const { reported, session = "" } = refusal;
  const text = (refusal.said ?? "").slice(0, 4000).replace(/\s+/g, " ");
  // An x.0.0 says nothing (RFC 3463): beside it the reply code decides.
  const isVague = reply.smtpCode !== undefined && /^([45]\.0\.0)?$/.test(reply.enhancedCode ?? "");
  const isTemporary = (isVague ? reply.smtpCode : reply.enhancedCode)?.startsWith("4") === true;
  const own = operatorCode(text);
  if (own) return verdict(own.reason, own.bounceClass, isTemporary);
  // An address stands between the words that matter, and its dots look like ends of sentences.
  const words = withoutFrame(text).replace(anAddress, "@");
  const step = refusedStep(text, session);
  const excuse = excuseOf(words, step, reply);
  const rule = ruleOf(words, reply, excuse !== undefined);
  if (excuse !== undefined && (rule === undefined || rule.bounceClass === "hard"))
    return verdict(excuse, "block", isTemporary);
  if (!rule) return verdict("undefined", byCodeAlone(reply, reported), isTemporary);
  // "Rejected" and "inactive" say little beside a code that says which mailbox is meant.
  if (
    excuse === undefined &&
    reply.enhancedCode === "5.1.1" &&
    (rule.reason === "rejected" || rule.reason === "suspend")
  )
    return verdict("userunknown", "hard", false);
  if (rule.reason === "userunknown" && !isEvident(text, words, reply, refusal, step))
    return verdict("filtered", isTemporary ? "soft" : "block", isTemporary);
  if (rule.reason === "filtered" && isTemporary) return verdict("filtered", "soft", true);
  // A name that could not be looked up today may be there tomorrow.
  if (rule.reason === "hostunknown" && isTemporary) return verdict("networkerror", "soft", true);
  return verdict(rule.reason, rule.bounceClass, isTemporary);
}

/** A temporary code never condemns an address. */
const verdict = (reason: BounceReason, bounceClass: BounceClass, isTemporary: boolean): Verdict => ({
  reason,
  bounceClass: bounceClass === "hard" && isTemporary ? "soft" : bounceClass,
  refusedParty: partyOfReason[reason] ?? "system",
});

/** How many unknown recipients we named is said of us, whatever it says of this one. */
const tooManyUnknown =
  /\btoo many (?:invalid|unknown|bad|wrong|non-?exist\w*|rejected|failed|unroutable)[ -](?:recipient|user|address|rcpt|mail ?box|account)/i;

/** What else than the recipient was refused, where the command or the words say so; the reason for it. */
function excuseOf(words: string, step: SmtpStep | undefined, reply: SmtpReply): BounceReason | undefined {
  if (step === "mail") return "rejected";
  // A host that takes no mail at all says so with 521 (RFC 7504); another refusal of the connection is of ours.
  if (step === "helo" || (step === "connect" && reply.smtpCode !== "521")) return "blocked";
  if (tooManyUnknown.test(words)) return "toomanyconn";
  const found = ofUs.find(([pattern]) => pattern.test(words))?.[1];
  if (found === undefined) return undefined;
  // The sender is named beside the reader only where the sender is meant: "Sender address rejected: User unknown".
  return found === "rejected" || !ofReader.test(words) ? found : undefined;
}

/** The rule that fits. Where something else than the recipient was refused, rules that condemn an address are passed over. */
function ruleOf(words: string, { enhancedCode, smtpCode }: SmtpReply, isExcused: boolean): ReasonRule | undefined {
  const usable = isExcused ? reasons.filter((rule) => rule.bounceClass !== "hard") : reasons;
  const byCode = enhancedCode ? usable.find((rule) => rule.enhanced?.test(enhancedCode)) : undefined;
  if (byCode && enhancedCode && !vagueCode.test(enhancedCode)) return byCode;
  const byWords = usable.find((rule) => rule.said?.test(words));
  if (byWords && !(byWords === reasons.at(-1) && byCode)) return byWords;
  return byCode ?? byReplyCode(smtpCode);
}

/**
 * An address is condemned on evidence: RFC 3463's 5.1.x, a refused RCPT, the recipient's own system speaking in its own words, or a plain 550 that
 * says "no such user" (RFC 5321 section 4.2.3). The same words beside a code for something else, or after the mail's end, are a filter's. In a report
 * in prose they may be anybody's: it has to name the server that answered, or the system has to have looked the address up itself.
 */
function isEvident(
  text: string,
  words: string,
  { enhancedCode, smtpCode }: SmtpReply,
  { session = "", isFiltersWord, isProse }: Refusal,
  step: SmtpStep | undefined,
): boolean {
  // Postfix's answer to a rule of the receiver's own; Exchange Online gives the same words with 5.4.1 where there is nobody.
  if (enhancedCode?.startsWith("5.7.") && /access denied/i.test(words)) return false;
  if (enhancedCode?.startsWith("5.1.")) return true;
  if (!smtpCode) return !isProse || lookedUp.test(text) || refusedRecipient.test(text);
  if (ownWords.test(text)) return true;
  if (step === "data" && (isProse || refusedStep(text) === "data")) return false;
  const around = `${text} ${session.replace(envelope, "")}`;
  if (refusedRecipient.test(around)) return true;
  if (isProse && !remoteAnswer.test(around)) return false;
  const isPlain = (enhancedCode === undefined || enhancedCode === "5.0.0") && !isFiltersWord;
  return isPlain && /^55[0135]$/.test(smtpCode) && (ofReader.test(words) || ofAddress.test(words));
}

/** What a reply code of RFC 5321 says by itself: a host that takes no mail (RFC 7504), or a command that it did not understand. */
function byReplyCode(smtpCode: string | undefined): ReasonRule | undefined {
  if (smtpCode === "521" || smtpCode === "556") return { reason: "notaccept", bounceClass: "hard" };
  if (smtpCode === "525") return { reason: "suspend", bounceClass: "soft" };
  return /^50[0-7]$/.test(smtpCode ?? "") ? { reason: "syntaxerror", bounceClass: "soft" } : undefined;
}

/**
 * The class where nobody could name a reason. RFC 3463's subject of the code tells whom to blame; where there is none the reporter's word stands,
 * and without that an address is not condemned.
 */
function byCodeAlone({ enhancedCode, smtpCode }: SmtpReply, reported: BounceClass | undefined): BounceClass {
  if (enhancedCode?.startsWith("4.") || (!enhancedCode && smtpCode?.startsWith("4")))
    return reported === "block" ? "block" : "soft";
  // 5.1.4 is an ambiguous address, 5.1.5 a valid one; 5.1.7 and 5.1.8 are the sender's, 5.1.9 is the mailer's.
  if (/^5\.1\.(?:[0-36]|10|35\d)$/.test(enhancedCode ?? "")) return "hard";
  if (/^5\.1\.[789]$/.test(enhancedCode ?? "")) return "block";
  if (/^5\.7\.\d+$/.test(enhancedCode ?? "")) return "block";
  if (/^5\.[2-6]\.\d+$/.test(enhancedCode ?? "")) return reported === "block" ? "block" : "soft";
  if (smtpCode === "552") return "soft";
  return reported ?? "soft";
}
