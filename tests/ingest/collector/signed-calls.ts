// Calls as each provider makes and signs them, made here with keys of our own.

import { createHash, createHmac, generateKeyPairSync, sign } from "node:crypto";
import type { ProviderSecrets } from "../../../ingest/sources/provider.ts";

export interface Call {
  readonly headers: Record<string, string>;
  readonly body: string;
}

export interface Signer {
  readonly provider: string;
  readonly secrets: ProviderSecrets;
  /** The same kind of secrets, of somebody else. */
  readonly otherSecrets: ProviderSecrets;
  /** A call about mail `id`, signed at `at` with our secrets. */
  readonly call: (id: string, at: Date) => Call;
  /** What the signature covers: the bytes, fields in them, or nothing (credentials). */
  readonly covers: "bytes" | "fields" | "token" | "nothing";
  readonly signsTime: boolean;
}

const json = { "content-type": "application/json" };
const seconds = (at: Date): string => String(Math.floor(at.getTime() / 1000));
const hmac = (algorithm: string, key: string | Buffer, text: string, encoding: "hex" | "base64"): string =>
  createHmac(algorithm, key).update(text).digest(encoding);

const ec = () => generateKeyPairSync("ec", { namedCurve: "P-256" });
const rsa = () => generateKeyPairSync("rsa", { modulusLength: 2048 });
const der = (key: ReturnType<typeof ec>["publicKey"]): string =>
  key.export({ type: "spki", format: "der" }).toString("base64");

const sendgridKeys = ec();
const postalKeys = rsa();
export const snsTopic = "arn:aws:sns:eu-west-1:123456789012:mail";
export const snsCertificateUrl = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem";

const sendgrid: Signer = {
  provider: "sendgrid",
  secrets: { publicKey: der(sendgridKeys.publicKey) },
  otherSecrets: { publicKey: der(ec().publicKey) },
  covers: "bytes",
  signsTime: true,
  call(id, at) {
    const body = `[{"event":"delivered","email":"reader@example.org","timestamp":${seconds(at)},"sg_event_id":"${id}","sg_message_id":"${id}.x"}]`;
    return {
      body,
      headers: {
        ...json,
        "x-twilio-email-event-webhook-timestamp": seconds(at),
        "x-twilio-email-event-webhook-signature": sign(
          "sha256",
          Buffer.from(seconds(at) + body),
          sendgridKeys.privateKey,
        ).toString("base64"),
      },
    };
  },
};

const mailgun: Signer = {
  provider: "mailgun",
  secrets: { signingKey: "key-ours-0123456789" },
  otherSecrets: { signingKey: "key-theirs-987654321" },
  covers: "token",
  signsTime: true,
  call(id, at) {
    const timestamp = seconds(at);
    const token = createHash("sha256").update(id).digest("hex").slice(0, 50);
    const signature = hmac("sha256", "key-ours-0123456789", timestamp + token, "hex");
    const event = { event: "delivered", id, timestamp: Number(timestamp), recipient: "reader@example.org" };
    return {
      headers: json,
      body: JSON.stringify({
        signature: { timestamp, token, signature },
        "event-data": { ...event, message: { headers: { "message-id": id } } },
      }),
    };
  },
};

const mandrillUrl = "https://hooks.example.com/hooks/mandrill";
const mandrill: Signer = {
  provider: "mandrill",
  secrets: { signingKey: "mandrill-ours", url: mandrillUrl },
  otherSecrets: { signingKey: "mandrill-theirs", url: mandrillUrl },
  covers: "fields",
  signsTime: false,
  call(id, at) {
    const events = JSON.stringify([
      { event: "open", _id: id, ts: Number(seconds(at)), msg: { _id: id, email: "reader@example.org" } },
    ]);
    const body = new URLSearchParams({ mandrill_events: events }).toString();
    const signature = hmac("sha1", "mandrill-ours", `${mandrillUrl}mandrill_events${events}`, "base64");
    return {
      body,
      headers: { "content-type": "application/x-www-form-urlencoded", "x-mandrill-signature": signature },
    };
  },
};

const svixKey = Buffer.from("a resend secret of our own").toString("base64");
const resend: Signer = {
  provider: "resend",
  secrets: { signingSecret: `whsec_${svixKey}` },
  otherSecrets: { signingSecret: `whsec_${Buffer.from("somebody else's secret").toString("base64")}` },
  covers: "bytes",
  signsTime: true,
  call(id, at) {
    const body = JSON.stringify({
      type: "email.delivered",
      created_at: at.toISOString(),
      data: { email_id: id, to: ["reader@example.org"] },
    });
    const signature = hmac("sha256", Buffer.from(svixKey, "base64"), `msg_${id}.${seconds(at)}.${body}`, "base64");
    return {
      body,
      headers: { ...json, "svix-id": `msg_${id}`, "svix-timestamp": seconds(at), "svix-signature": `v1,${signature}` },
    };
  },
};

const bodySigned = (provider: string, header: string, event: (id: string, at: Date) => object): Signer => ({
  provider,
  secrets: { signingSecret: `${provider}-ours` },
  otherSecrets: { signingSecret: `${provider}-theirs` },
  covers: "bytes",
  signsTime: false,
  call(id, at) {
    const body = JSON.stringify(event(id, at));
    return { body, headers: { ...json, [header]: hmac("sha256", `${provider}-ours`, body, "hex") } };
  },
});
const mailersend = bodySigned("mailersend", "signature", (id, at) => ({
  type: "activity.delivered",
  created_at: at.toISOString(),
  data: { id, email: { message: { id }, recipient: { email: "reader@example.org" } } },
}));
const mailtrap = bodySigned("mailtrap", "mailtrap-signature", (id, at) => ({
  events: [
    { event: "delivery", event_id: id, message_id: id, email: "reader@example.org", timestamp: Number(seconds(at)) },
  ],
}));

const postal: Signer = {
  provider: "postal",
  secrets: { publicKey: der(postalKeys.publicKey) },
  otherSecrets: { publicKey: der(rsa().publicKey) },
  covers: "bytes",
  signsTime: false,
  call(id, at) {
    const body = JSON.stringify({
      event: "MessageSent",
      timestamp: Number(seconds(at)),
      uuid: id,
      payload: { message: { id, to: "reader@example.org" } },
    });
    const signature = sign("sha256", Buffer.from(body), postalKeys.privateKey).toString("base64");
    return { body, headers: { ...json, "x-postal-signature-256": signature } };
  },
};

const unisenderGo: Signer = {
  provider: "unisender_go",
  secrets: { apiKey: "unisender-ours" },
  otherSecrets: { apiKey: "unisender-theirs" },
  covers: "bytes",
  signsTime: false,
  call(id) {
    const body = JSON.stringify({
      auth: "unisender-ours",
      events_by_user: [
        {
          user_id: 1,
          events: [
            {
              event_name: "transactional_email_status",
              event_data: {
                job_id: id,
                email: "reader@example.org",
                status: "delivered",
                event_time: "2026-01-31 10:00:00",
              },
            },
          ],
        },
      ],
    });
    const auth = createHash("md5").update(body).digest("hex");
    return { headers: json, body: body.replace("unisender-ours", auth) };
  },
};

const mailomat: Signer = {
  provider: "mailomat",
  secrets: { signingSecret: "mailomat-ours" },
  otherSecrets: { signingSecret: "mailomat-theirs" },
  covers: "token",
  signsTime: true,
  call(id, at) {
    const event = "delivered";
    const signature = hmac("sha256", "mailomat-ours", `${id}.${event}.${seconds(at)}`, "hex");
    return {
      body: JSON.stringify({
        id,
        eventType: event,
        occurredAt: at.toISOString(),
        messageId: `${id}@s.mailomat.example`,
        recipient: "reader@example.org",
        payload: {},
      }),
      headers: {
        ...json,
        "x-mom-webhook-id": id,
        "x-mom-webhook-event": event,
        "x-mom-webhook-timestamp": seconds(at),
        "x-mom-webhook-signature": `sha256=${signature}`,
      },
    };
  },
};

const sweegoKey = Buffer.from("a sweego secret of our own").toString("base64");
const sweego: Signer = {
  provider: "sweego",
  secrets: { signingSecret: sweegoKey },
  otherSecrets: { signingSecret: Buffer.from("of somebody else").toString("base64") },
  covers: "bytes",
  signsTime: true,
  call(id, at) {
    const body = JSON.stringify({
      event_type: "delivered",
      timestamp: at.toISOString(),
      swg_uid: id,
      event_id: id,
      channel: "email",
      recipient: "reader@example.org",
    });
    const signature = hmac("sha256", Buffer.from(sweegoKey, "base64"), `${id}.${seconds(at)}.${body}`, "base64");
    return {
      body,
      headers: {
        ...json,
        "webhook-id": id,
        "webhook-timestamp": seconds(at),
        "webhook-signature": signature,
      },
    };
  },
};

const credentials = (provider: string, event: (id: string, at: Date) => object): Signer => ({
  provider,
  secrets: { username: "us", password: `${provider}-ours` },
  otherSecrets: { username: "us", password: `${provider}-theirs` },
  covers: "nothing",
  signsTime: false,
  call: (id, at) => ({
    headers: { ...json, authorization: `Basic ${Buffer.from(`us:${provider}-ours`).toString("base64")}` },
    body: JSON.stringify(event(id, at)),
  }),
});

/** Amazon signs with RSA; the test's certificate is handed to it by whoever uses this. */
export const snsSigner = (privateKey: Parameters<typeof sign>[2]): Signer => ({
  provider: "amazon_ses",
  secrets: { topicArns: snsTopic },
  otherSecrets: { topicArns: "arn:aws:sns:eu-west-1:123456789012:other" },
  covers: "fields",
  signsTime: true,
  call: (id, at) => snsCall(privateKey, { Type: "Notification" }, id, at),
});

export function snsCall(
  privateKey: Parameters<typeof sign>[2],
  more: Readonly<Record<string, string>>,
  id: string,
  at: Date,
): Call {
  const message: Record<string, string> = {
    Type: "Notification",
    MessageId: id,
    TopicArn: snsTopic,
    Message: JSON.stringify({
      eventType: "Delivery",
      mail: { messageId: id, destination: ["reader@example.org"] },
      delivery: { timestamp: at.toISOString() },
    }),
    Timestamp: at.toISOString(),
    SignatureVersion: "2",
    SigningCertURL: snsCertificateUrl,
    ...more,
  };
  const keys =
    message["Type"] === "Notification"
      ? ["Message", "MessageId", "Timestamp", "TopicArn", "Type"]
      : ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"];
  const text = keys.map((key) => `${key}\n${message[key]}\n`).join("");
  const Signature = sign("sha256", Buffer.from(text), privateKey).toString("base64");
  return { headers: { "content-type": "text/plain; charset=UTF-8" }, body: JSON.stringify({ ...message, Signature }) };
}

export const signers: readonly Signer[] = [
  mailomat,
  sweego,
  sendgrid,
  mailgun,
  mandrill,
  resend,
  mailersend,
  mailtrap,
  postal,
  unisenderGo,
  credentials("postmark", (id, at) => ({
    RecordType: "Delivery",
    MessageID: id,
    Recipient: "reader@example.org",
    DeliveredAt: at.toISOString(),
  })),
  credentials("sparkpost", (id, at) => [
    {
      msys: {
        message_event: {
          type: "delivery",
          event_id: id,
          message_id: id,
          rcpt_to: "reader@example.org",
          timestamp: seconds(at),
        },
      },
    },
  ]),
  credentials("mailjet", (id, at) => ({
    event: "sent",
    time: Number(seconds(at)),
    MessageID: 1,
    Message_GUID: id,
    email: "reader@example.org",
  })),
  credentials("brevo", (id, at) => ({
    event: "delivered",
    email: "reader@example.org",
    id: 1,
    "message-id": id,
    ts_event: Number(seconds(at)),
  })),
];
