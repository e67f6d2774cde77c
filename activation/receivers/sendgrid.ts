// https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send

import { z } from "zod";
import returnPath from "../../includes/return_path.js";
import { answerOfError, answerOfStatus } from "../answers.ts";
import { type EachReceiver, type Mail, plainCode } from "../mail.ts";
import { type ReceiverSettings, secretFrom } from "../settings.ts";
import { mailHeaders, partsOfSender, templateData } from "./rendering.ts";

type Settings = Extract<ReceiverSettings, { kind: "sendgrid" }>;

const trouble = z.object({ errors: z.array(z.object({ field: z.string().nullish() })).min(1) });

/** `POST /v3/mail/send`. It knows no idempotency key: a request that nobody answered is in doubt. */
export function sendgridReceiver(
  name: string,
  settings: Settings,
  world: { readonly env: Readonly<Record<string, string | undefined>>; readonly now: () => number },
): EachReceiver {
  const key = secretFrom(world.env, settings.api_key_env);
  const url = new URL("/v3/mail/send", settings.endpoint).href;
  const body = (mail: Mail) => ({
    from: partsOfSender(settings.from),
    ...(settings.reply_to === undefined ? {} : { reply_to: partsOfSender(settings.reply_to) }),
    template_id: mail.template,
    ...(settings.unsubscribe_group === undefined ? {} : { asm: { group_id: settings.unsubscribe_group } }),
    personalizations: [
      {
        to: [{ email: mail.to.address, ...(mail.to.name === null ? {} : { name: mail.to.name }) }],
        dynamic_template_data: templateData(mail),
        // Comes back with every event of the mail.
        custom_args: {
          [returnPath.messageId]: mail.message_id,
          [returnPath.variant]: mail.variant,
          campaign_id: mail.campaign_id,
        },
        ...(mail.unsubscribe_url === null
          ? {}
          : { headers: Object.fromEntries(mailHeaders(mail).map(({ Name, Value }) => [Name, Value])) }),
      },
    ],
  });
  return {
    name,
    takes: "each",
    provider: "sendgrid",
    isIdempotent: false,
    countsAsSent: true,
    render: (mail) => ({ method: "POST", url, body: body(mail) }),
    async hand(mail) {
      try {
        const answer = await fetch(url, {
          method: "POST",
          redirect: "manual",
          headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
          body: JSON.stringify(body(mail)),
          signal: AbortSignal.timeout(settings.timeout_seconds * 1000),
        });
        const text = answer.ok ? "" : (await answer.text()).slice(0, 65_536);
        if (answer.ok) await answer.body?.cancel();
        const untaken = answerOfStatus(
          answer.status,
          answer.headers.get("retry-after") ?? untilReset(answer, world.now()),
          world.now(),
          fieldOf(text),
        );
        return untaken ?? { kind: "accepted", provider_id: plainId(answer.headers.get("x-message-id")) };
      } catch (error) {
        return answerOfError(error);
      }
    },
    close: () => {},
  };
}

/** A 429 of SendGrid says when its window ends, in seconds since the epoch. */
function untilReset(answer: Response, now: number): string | null {
  const reset = Number(answer.headers.get("x-ratelimit-reset"));
  return answer.status === 429 && reset > 0 ? String(Math.max(0, Math.ceil(reset - now / 1000))) : null;
}

/** Which field was wrong, by its name; the message beside it may quote what stood there. */
function fieldOf(text: string): string | undefined {
  try {
    return plainCode(trouble.parse(JSON.parse(text)).errors[0]?.field);
  } catch {
    return undefined;
  }
}

const plainId = (id: string | null): string | null => (id !== null && /^[A-Za-z0-9._-]{1,200}$/.test(id) ? id : null);
