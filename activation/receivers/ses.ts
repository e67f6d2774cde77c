// https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html

import { SESv2Client, SendEmailCommand, type SendEmailCommandInput } from "@aws-sdk/client-sesv2";
import returnPath from "../../includes/return_path.js";
import { answerOfError, answerOfStatus } from "../answers.ts";
import { type Answer, type EachReceiver, type Mail, plainCode } from "../mail.ts";
import { type ReceiverSettings, secretFrom } from "../settings.ts";
import { mailbox, mailHeaders, templateData } from "./rendering.ts";

type Settings = Extract<ReceiverSettings, { kind: "ses" }>;

/** Answers that are about the account or the settings, whatever their status. */
const setUp = new Set([
  "AccountSuspendedException",
  "SendingPausedException",
  "MailFromDomainNotVerifiedException",
  "NotFoundException",
  "AccessDeniedException",
  "InvalidClientTokenId",
  "InvalidSignatureException",
  "SignatureDoesNotMatch",
  "UnrecognizedClientException",
  "ExpiredTokenException",
  "IncompleteSignatureException",
  "CredentialsProviderError",
]);
/** Too fast, or too many today: 400 as well as 429. */
const slowDown = new Set([
  "TooManyRequestsException",
  "ThrottlingException",
  "Throttling",
  "LimitExceededException",
  "RequestLimitExceeded",
]);

/** A tag of SES holds ASCII letters, digits, dashes and underscores; a value that does not fit is left out: the message's id leads to it. */
const tag = (name: string, value: string) =>
  /^[A-Za-z0-9_-]{1,256}$/.test(value) ? [{ Name: name, Value: value }] : [];

/** SendEmail with a template. It knows no idempotency key: a request that nobody answered is in doubt. */
export function sesReceiver(
  name: string,
  settings: Settings,
  world: { readonly env: Readonly<Record<string, string | undefined>>; readonly now: () => number },
): EachReceiver {
  const timeout = settings.timeout_seconds * 1000;
  const client = new SESv2Client({
    region: settings.region,
    // The outbox counts attempts; the SDK's own would be hidden from it.
    maxAttempts: 1,
    requestHandler: { connectionTimeout: Math.min(5_000, timeout), requestTimeout: timeout },
    ...(settings.endpoint === undefined ? {} : { endpoint: settings.endpoint }),
    ...(settings.access_key_env === undefined
      ? {}
      : {
          credentials: {
            accessKeyId: secretFrom(world.env, settings.access_key_env),
            secretAccessKey: secretFrom(world.env, settings.secret_key_env ?? "AWS_SECRET_ACCESS_KEY"),
            ...(settings.session_token_env === undefined
              ? {}
              : { sessionToken: secretFrom(world.env, settings.session_token_env) }),
          },
        }),
  });
  const input = (mail: Mail): SendEmailCommandInput => ({
    FromEmailAddress: settings.from,
    ...(settings.reply_to === undefined ? {} : { ReplyToAddresses: [settings.reply_to] }),
    Destination: { ToAddresses: [mailbox(mail.to)] },
    Content: {
      Template: {
        TemplateName: mail.template ?? undefined,
        TemplateData: JSON.stringify(templateData(mail)),
        Headers: mailHeaders(mail),
      },
    },
    // Comes back with every event that the configuration set publishes.
    EmailTags: [
      ...tag(returnPath.messageId, mail.message_id),
      ...tag(returnPath.variant, mail.variant),
      ...tag("campaign", mail.campaign_id),
    ],
    ...(settings.configuration_set === undefined ? {} : { ConfigurationSetName: settings.configuration_set }),
  });
  return {
    name,
    takes: "each",
    provider: "amazon_ses",
    isIdempotent: false,
    countsAsSent: true,
    render: (mail) => ({ action: "SendEmail", region: settings.region, input: input(mail) }),
    async hand(mail) {
      try {
        const answer = await client.send(new SendEmailCommand(input(mail)), {
          abortSignal: AbortSignal.timeout(timeout),
        });
        return { kind: "accepted", provider_id: answer.MessageId ?? null };
      } catch (error) {
        return answerOfSes(error, world.now());
      }
    },
    close: () => client.destroy(),
  };
}

interface SesError {
  readonly name?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
}

function answerOfSes(error: unknown, now: number): Answer {
  const { name, $metadata, $response } = (error ?? {}) as SesError;
  const code = plainCode(name);
  if (code !== undefined && setUp.has(code)) return { kind: "set-up", reason: code };
  const status = $metadata?.httpStatusCode;
  // Without a status nobody answered; a 2xx that cannot be read may well have been a mail.
  if (status === undefined) return answerOfError(error);
  if (status < 300) return { kind: "in-doubt", reason: "unreadable-answer" };
  const isSlowDown = code !== undefined && slowDown.has(code);
  return answerOfStatus(isSlowDown ? 429 : status, $response?.headers?.["retry-after"], now, code)!;
}
