/** The step of an SMTP session (RFC 5321 section 3) at which the other side said no. Before `rcpt` it knew of no recipient. */
export type SmtpStep = "connect" | "helo" | "mail" | "rcpt" | "data";

const stepOfWord: readonly (readonly [RegExp, SmtpStep])[] = [
  [/^(?:initial|connect)/i, "connect"],
  [/^[he]{2}lo/i, "helo"],
  [/^(?:mail|sender)/i, "mail"],
  [/^(?:rcpt|recipient|1[34]$)/i, "rcpt"],
  [/^(?:end of|data|\.$|bdat|failed after)/i, "data"],
];
const words = "initial connection|connect(?:ion)?|helo|ehlo|mail(?: from)?|rcpt(?: to|_to)?|end of data|data|bdat";

/** How mail systems name the command: Postfix, Exim, sendmail and qmail's patches, gateways. */
const named: readonly RegExp[] = [
  new RegExp(`\\bin reply to (?:the )?(${words})\\b`, "i"),
  new RegExp(`\\b(?:after|in response to|response to) (?:the )?(?:sending )?(?:pipelined )?(${words})\\b`, "i"),
  // qmail-remote and Dragonfly's agent speak of what they did not like.
  // Gmail numbers the states of its session: in 13 and 14 it waits for the answer to RCPT.
  /\(state (1[34])\)/i,
  /\b(?:does|did) not like (?:our )?(?:final )?(sender|recipient|data|mail|rcpt)\b/i,
  /\b(failed after i sent the message)\b/i,
  /\bsmtp command\s*[:=]?\s*(rcpt|mail|helo|ehlo|data)\b/i,
];
/** A session as it is copied into a report: the last command before the refusal. */
const transcript = />>> *(mail|rcpt|helo|ehlo|data|bdat|\.(?= *\n))[^\n]*\n(?:[^\n]*\n)?\s*<<< *[45]\d\d/gi;

/** Which command was refused, as far as the words say. Undefined where they do not. */
export function refusedStep(said: string, session = ""): SmtpStep | undefined {
  for (const pattern of named) {
    const word = pattern.exec(said)?.[1];
    if (word) return stepOf(word);
  }
  if (/refused to talk to me/i.test(said)) return "connect";
  for (const pattern of named) {
    const word = pattern.exec(session)?.[1];
    if (word) return stepOf(word);
  }
  const last = [...session.matchAll(transcript)].at(-1)?.[1];
  return last ? stepOf(last) : undefined;
}

const stepOf = (word: string): SmtpStep | undefined => stepOfWord.find(([pattern]) => pattern.test(word.trim()))?.[1];
