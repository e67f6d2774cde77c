import type { BounceClass } from "./smtp-reply.ts";

/** What one operator's own code means; its words around the code are often too general to tell. */
interface OperatorCode {
  readonly reason: string;
  readonly bounceClass: BounceClass;
}

const hard = (reason: string): OperatorCode => ({ reason, bounceClass: "hard" });
const soft = (reason: string): OperatorCode => ({ reason, bounceClass: "soft" });
const block = (reason: string): OperatorCode => ({ reason, bounceClass: "block" });

/** Orange and Wanadoo print `OFR_506` or `LPN007_510`: https://postmaster.orange.fr */
const orange: Readonly<Record<string, OperatorCode>> = {
  "101": block("blocked"),
  "102": block("blocked"),
  "103": block("blocked"),
  "104": block("toomanyconn"),
  "305": block("securityerror"),
  "401": block("authfailure"),
  "402": block("securityerror"),
  "403": block("rejected"),
  "405": block("rejected"),
  "415": block("rejected"),
  "416": hard("userunknown"),
  "417": soft("mailboxfull"),
  "418": hard("userunknown"),
  "420": soft("suspend"),
  "421": block("rejected"),
  "426": soft("suspend"),
  "505": soft("systemerror"),
  "506": block("spamdetected"),
  "510": block("blocked"),
  "514": soft("mesgtoobig"),
  "517": block("authfailure"),
  "630": block("policyviolation"),
  "999": block("blocked"),
};

/** GoDaddy prints `IB607`: https://www.godaddy.com/help/smtp-error-codes */
const goDaddy: Readonly<Record<string, OperatorCode>> = {
  "007": block("toomanyconn"),
  "101": block("speeding"),
  "103": block("badreputation"),
  "104": block("blocked"),
  "105": block("blocked"),
  "106": block("blocked"),
  "108": block("requireptr"),
  "110": block("blocked"),
  "111": block("blocked"),
  "112": block("blocked"),
  "113": block("blocked"),
  "212": block("spamdetected"),
  "401": block("securityerror"),
  "501": block("notcompliantrfc"),
  "502": block("notcompliantrfc"),
  "504": block("speeding"),
  "506": block("rejected"),
  "508": block("authfailure"),
  "510": block("speeding"),
  "605": block("toomanyconn"),
  "607": block("speeding"),
  "705": block("virusdetected"),
};

/** Spectrum prints `AUP#In-1310`, numbers by theme: https://www.spectrum.net/support/internet/understanding-email-error-codes */
const spectrum: readonly (readonly [from: number, to: number, OperatorCode])[] = [
  [1000, 1000, block("blocked")],
  [1010, 1080, block("rejected")],
  [1090, 1090, soft("systemerror")],
  [1100, 1150, block("requireptr")],
  [1160, 1190, block("policyviolation")],
  [1200, 1250, block("blocked")],
  [1260, 1260, soft("networkerror")],
  [1300, 1340, block("toomanyconn")],
  [1350, 1490, block("speeding")],
  [1500, 1520, block("rejected")],
  [1530, 1530, soft("mesgtoobig")],
  [1540, 1550, block("speeding")],
  [1560, 1560, block("policyviolation")],
  [1580, 1580, block("speeding")],
];

/** Cox prints `AUP#CXBL`: https://www.cox.com/residential/support/email-error-codes.html */
const cox: readonly (readonly [RegExp, OperatorCode])[] = [
  [/^(CXBL|CDRBL|IPBL\d+)$/, block("blocked")],
  [/^CXDNS$/, block("requireptr")],
  [/^CXSNDR$/, block("authfailure")],
  [/^CXSMTP$/, block("rejected")],
  [/^(CXCNCT|CXMXRT)$/, block("toomanyconn")],
  [/^(CXTHRT|CXMJ)$/, block("securityerror")],
  [/^URLBL\d+$/, block("spamdetected")],
];

/** NetEase (163.com, 126.com, yeah.net) prints the step of the session and the cause: https://help.163.com/09/1224/17/5RAJ4LMH00753VB8.html */
const netEase: readonly (readonly [RegExp, OperatorCode])[] = [
  [/^(?:HL:REP|HL:MEP|WM:BL[IU]|DT:RBL)$/, block("blocked")],
  [/^(?:HL:(?:ICC|IFC)|MI:(?:DMC|SFQ|STC)|RP:(?:DRC|TRC)|(?:MI|RP):(?:CCL|CEL))$/, block("toomanyconn")],
  [/^DT:SPM$/, block("spamdetected")],
  [/^MI:SPF$/, block("authfailure")],
  [/^(?:MI:SPB|DT:SUM)$/, block("rejected")],
];

/** The meaning of the code that a large operator printed into its reply; undefined where there is none that we know. */
export function operatorCode(said: string): OperatorCode | undefined {
  const french = /\b(?:OFR|OUK|LPN|LPNAAA)(?:\d{3})?[_-](\d{3})\b/i.exec(said)?.[1];
  if (french) return orange[french];
  const ib = /\bIB(\d{3})\b/.exec(said)?.[1];
  if (ib) return goDaddy[ib];
  const chinese = /\b((?:HL|MI|RP|DT|WM|CT):[A-Z]{3})\b/.exec(said)?.[1];
  if (chinese) return netEase.find(([pattern]) => pattern.test(chinese))?.[1];
  const aup = /\bAUP#(?:[A-Za-z]+-)?([A-Z0-9]{4,10})\b/.exec(said)?.[1];
  if (!aup) return undefined;
  const number = /^\d{4}$/.test(aup) ? Number(aup) : undefined;
  return number === undefined
    ? cox.find(([pattern]) => pattern.test(aup))?.[1]
    : spectrum.find(([from, to]) => number >= from && number <= to)?.[2];
}
