import { amazonSes } from "./amazon-ses.ts";
import { brevo } from "./brevo.ts";
import { mailersend } from "./mailersend.ts";
import { mailgun } from "./mailgun.ts";
import { mailjet } from "./mailjet.ts";
import { mailomat } from "./mailomat.ts";
import { mailtrap } from "./mailtrap.ts";
import { mandrill } from "./mandrill.ts";
import { postal } from "./postal.ts";
import { postmark } from "./postmark.ts";
import type { Provider } from "./provider.ts";
import { resend } from "./resend.ts";
import { sendgrid } from "./sendgrid.ts";
import { sparkpost } from "./sparkpost.ts";
import { sweego } from "./sweego.ts";
import { unisenderGo } from "./unisender-go.ts";

/** Every e-mail service provider that we can hear, by name. */
export const providers: ReadonlyMap<string, Provider> = new Map(
  [
    amazonSes,
    brevo,
    mailersend,
    mailgun,
    mailjet,
    mailomat,
    mailtrap,
    mandrill,
    postal,
    postmark,
    resend,
    sendgrid,
    sparkpost,
    sweego,
    unisenderGo,
  ].map((provider) => [provider.name, provider]),
);
