// Every event that the providers document, in short payloads of our own: what it is for us, or by which decision it is nothing.

/** What an event is: `<type>`, `bounce/<class>`, or `-` for "no signal". */
export type Meaning = string;
export type Case = readonly [
  what: string,
  body: unknown,
  meaning: Meaning,
  metadata?: Readonly<Record<string, unknown>>,
];

const ses = (eventType: string, more: object = {}) => ({
  eventType,
  mail: { messageId: "m1", timestamp: "2024-05-01T10:00:00.000Z", destination: ["kim@example.org"] },
  ...more,
});
const sesBounce = (bounceType: string, bounceSubType: string, diagnosticCode = "") =>
  ses("Bounce", {
    bounce: {
      bounceType,
      bounceSubType,
      timestamp: "2024-05-01T10:00:01.000Z",
      bouncedRecipients: [{ emailAddress: "kim@example.org", diagnosticCode }],
    },
  });
const sesDelay = (delayType: string) =>
  ses("DeliveryDelay", { deliveryDelay: { delayType, delayedRecipients: [{ emailAddress: "kim@example.org" }] } });
const sesComplaint = (more: object) =>
  ses("Complaint", { complaint: { complainedRecipients: [{ emailAddress: "kim@example.org" }], ...more } });
const bridged = (type: string, detail: unknown) => ({
  version: "0",
  id: "e-1",
  "detail-type": type,
  source: "aws.ses",
  time: "2024-05-01T10:00:00Z",
  detail,
});

const sendgrid = (event: string, more: object = {}) => [
  { event, email: "kim@example.org", timestamp: 1_714_557_600, sg_event_id: "s1", sg_message_id: "a.recv1", ...more },
];
const mailgun = (event: string, more: object = {}) => ({
  signature: {},
  "event-data": {
    event,
    id: "g1",
    timestamp: 1_714_557_600.5,
    recipient: "kim@example.org",
    message: { headers: { "message-id": "m1@example.com" } },
    ...more,
  },
});
const postmarkBounce = (Type: string) => ({
  RecordType: "Bounce",
  Type,
  ID: 1,
  MessageID: "p1",
  Email: "kim@example.org",
  BouncedAt: "2024-05-01T10:00:00Z",
});
const postmark = (RecordType: string, more: object = {}) => ({
  RecordType,
  MessageID: "p1",
  Recipient: "kim@example.org",
  DeliveredAt: "2024-05-01T10:00:00Z",
  ReceivedAt: "2024-05-01T10:00:00Z",
  ChangedAt: "2024-05-01T10:00:00Z",
  ...more,
});
const sparkpost = (type: string, more: object = {}) => [
  {
    msys: {
      message_event: {
        type,
        event_id: "sp1",
        transmission_id: "t1",
        rcpt_to: "kim@example.org",
        timestamp: "1714557600",
        ...more,
      },
    },
  },
];
const mandrill = (event: string, msg: object = {}) =>
  new URLSearchParams({
    mandrill_events: JSON.stringify([
      { event, ts: 1_714_557_600, _id: "md1", msg: { _id: "md1", email: "kim@example.org", ...msg } },
    ]),
  }).toString();
const mailjet = (event: string, more: object = {}) => ({
  event,
  time: 1_714_557_600,
  MessageID: 104_427_216_766_056_450n.toString(),
  email: "kim@example.org",
  ...more,
});
const brevo = (event: string, more: object = {}) => ({
  event,
  email: "kim@example.org",
  "message-id": "<b1@relay>",
  ts_event: 1_714_557_600,
  ts_epoch: 1_714_557_600_000,
  ...more,
});
const resend = (type: string, more: object = {}) => ({
  type,
  created_at: "2024-05-01T10:00:00.000Z",
  data: { email_id: "r1", to: ["kim@example.org"], ...more },
});
const mailersend = (type: string, morph?: object) => ({
  type,
  created_at: "2024-05-01T10:00:00.000000Z",
  data: { id: "ms1", email: { message: { id: "mm1" }, recipient: { email: "kim@example.org" } }, morph },
});
const mailtrap = (event: string, more: object = {}) => ({
  events: [{ event, message_id: "mt1", event_id: "e1", email: "kim@example.org", timestamp: 1_714_557_600, ...more }],
});
const postalMessage = { id: 7, to: "kim@example.org", direction: "outgoing" };
const postal = (event: string, payload: object) => ({ event, timestamp: 1_714_557_600.25, uuid: "pu1", payload });
const mailomat = (eventType: string, payload: object = {}) => ({
  id: "29e785c1-dd0c-4efc-9d41-909d4109769f",
  eventType,
  occurredAt: "2024-05-01T12:00:00+02:00",
  messageId: "m1@s.mailomat.swiss",
  recipient: "kim@example.org",
  payload,
});
const sweego = (event_type: string, more: object = {}) => ({
  event_type,
  timestamp: "2024-05-01T10:00:00+00:00",
  swg_uid: "02-0d4affd0",
  event_id: "9f26b9d0",
  channel: "email",
  headers: { "x-campaign-id": "default", "x-transaction-id": "t1" },
  campaign_id: "default",
  recipient: "kim@example.org",
  domain_from: "shop.example",
  ...more,
});
const unisender = (status: string, delivery_status = "") => ({
  auth: "x",
  events_by_user: [
    {
      user_id: 1,
      events: [
        {
          event_name: "transactional_email_status",
          event_data: {
            job_id: "j1",
            email: "kim@example.org",
            status,
            event_time: "2024-05-01 10:00:00",
            delivery_info: { delivery_status },
          },
        },
      ],
    },
  ],
});

/** Provider => every event that it documents, what it is for us, and metadata that it keeps. */
export const documented: Readonly<Record<string, readonly Case[]>> = {
  amazon_ses: [
    ["Send", ses("Send", { send: {} }), "sent"],
    [
      "Delivery",
      ses("Delivery", { delivery: { recipients: ["kim@example.org"], timestamp: "2024-05-01T10:00:01Z" } }),
      "delivered",
    ],
    ["Reject", ses("Reject", { reject: { reason: "Bad content" } }), "bounce/block", { reason: "Bad content" }],
    ["Open", ses("Open", { open: { timestamp: "2024-05-01T10:00:01Z", userAgent: "Mozilla" } }), "open"],
    [
      "Click",
      ses("Click", { click: { timestamp: "2024-05-01T10:00:01Z", link: "https://example.com/a" } }),
      "click",
      { url: "https://example.com/a" },
    ],
    ["Rendering Failure", ses("Rendering Failure", { failure: { errorMessage: "no attribute" } }), "bounce/block"],
    [
      "Subscription, away",
      ses("Subscription", { subscription: { contactList: "news", newTopicPreferences: { unsubscribeAll: true } } }),
      "unsubscribe",
      { list_id: "news" },
    ],
    [
      "Subscription, one topic",
      ses("Subscription", {
        subscription: {
          newTopicPreferences: {
            unsubscribeAll: false,
            topicSubscriptionStatus: [{ topicName: "a", subscriptionStatus: "OptOut" }],
          },
        },
      }),
      "unsubscribe",
    ],
    [
      "Subscription, back",
      ses("Subscription", {
        subscription: {
          newTopicPreferences: {
            unsubscribeAll: false,
            topicSubscriptionStatus: [{ topicName: "a", subscriptionStatus: "OptIn" }],
          },
        },
      }),
      "-",
    ],
    ["Undetermined/Undetermined", sesBounce("Undetermined", "Undetermined"), "bounce/soft"],
    [
      "Permanent/General",
      sesBounce("Permanent", "General", "smtp; 550 5.1.1 user unknown"),
      "bounce/hard",
      { smtp_code: "550", enhanced_code: "5.1.1" },
    ],
    [
      "Permanent/General for policy",
      sesBounce("Permanent", "General", "smtp; 550 5.7.1 rejected for policy"),
      "bounce/block",
    ],
    ["Permanent/NoEmail", sesBounce("Permanent", "NoEmail"), "bounce/hard"],
    ["Permanent/Suppressed", sesBounce("Permanent", "Suppressed"), "bounce/block"],
    ["Permanent/OnAccountSuppressionList", sesBounce("Permanent", "OnAccountSuppressionList"), "bounce/block"],
    ["Permanent/UnsubscribedRecipient", sesBounce("Permanent", "UnsubscribedRecipient"), "bounce/block"],
    ["Transient/General", sesBounce("Transient", "General"), "bounce/soft"],
    ["Transient/MailboxFull", sesBounce("Transient", "MailboxFull"), "bounce/soft"],
    ["Transient/MessageTooLarge", sesBounce("Transient", "MessageTooLarge"), "bounce/soft"],
    ["Transient/CustomTimeoutExceeded", sesBounce("Transient", "CustomTimeoutExceeded"), "bounce/soft"],
    ["Transient/ContentRejected", sesBounce("Transient", "ContentRejected"), "bounce/block"],
    ["Transient/AttachmentRejected", sesBounce("Transient", "AttachmentRejected"), "bounce/block"],
    ...[
      "InternalFailure",
      "General",
      "MailboxFull",
      "SpamDetected",
      "RecipientServerError",
      "IPFailure",
      "TransientCommunicationFailure",
      "BYOIPHostNameLookupUnavailable",
      "SendingDeferral",
      "Undetermined",
    ].map((delay): Case => [`DeliveryDelay/${delay}`, sesDelay(delay), "deferred", { reason: delay }]),
    ...["abuse", "auth-failure", "fraud", "other", "virus"].map(
      (type): Case => [
        `Complaint/${type}`,
        sesComplaint({ complaintFeedbackType: type }),
        "complaint",
        { feedback_type: type },
      ],
    ),
    ["Complaint without a type", sesComplaint({}), "complaint"],
    ["Complaint/not-spam", sesComplaint({ complaintFeedbackType: "not-spam" }), "-"],
    ["Complaint of an earlier mail", sesComplaint({ complaintSubType: "OnAccountSuppressionList" }), "bounce/block"],
    ["over EventBridge", bridged("Email Bounced", sesBounce("Permanent", "NoEmail")), "bounce/hard"],
    ["an adviser's word over EventBridge", bridged("Advisor Recommendation Status Open", { version: "1" }), "-"],
    ["sending disabled, over EventBridge", bridged("Sending Status Disabled", { version: "1" }), "-"],
    ["a topic's subscription", { notificationType: "AmazonSnsSubscriptionSucceeded", message: "Subscribed." }, "-"],
    ["Received", { notificationType: "Received", mail: { messageId: "in1" }, receipt: {} }, "-"],
  ],
  sendgrid: [
    [
      "processed",
      sendgrid("processed", { pool: { name: "news", id: 2 }, sg_template_id: "d-1" }),
      "sent",
      { sending_ip_pool: "news", template_id: "d-1" },
    ],
    ["delivered", sendgrid("delivered", { response: "250 OK" }), "delivered"],
    ["deferred", sendgrid("deferred", { response: "400 try again later", attempt: "5" }), "deferred", { attempt: 5 }],
    [
      "bounce",
      sendgrid("bounce", {
        type: "bounce",
        status: "5.0.0",
        reason: "550 5.1.1 no such user",
        bounce_classification: "Invalid Address",
      }),
      "bounce/hard",
    ],
    ["bounce, blocked", sendgrid("bounce", { type: "blocked", status: "4.0.0", reason: "451 busy" }), "bounce/block"],
    ["dropped", sendgrid("dropped", { reason: "Bounced Address" }), "bounce/block", { reason: "Bounced Address" }],
    ["open", sendgrid("open", { sg_machine_open: false }), "open", { machine: false }],
    [
      "open by a machine",
      sendgrid("open", { sg_machine_open: true }),
      "open",
      { machine: true, machine_reason: "sg_machine_open" },
    ],
    ["click", sendgrid("click", { url: "https://example.com/a" }), "click", { url: "https://example.com/a" }],
    ["spamreport", sendgrid("spamreport"), "complaint"],
    ["unsubscribe", sendgrid("unsubscribe"), "unsubscribe"],
    [
      "group_unsubscribe",
      sendgrid("group_unsubscribe", { asm_group_id: 10 }),
      "unsubscribe",
      { method: "group", list_id: 10 },
    ],
    ["group_resubscribe", sendgrid("group_resubscribe"), "-"],
    ["account_status_change", sendgrid("account_status_change", { type: "compliance_suspend" }), "-"],
  ],
  mailgun: [
    ["accepted", mailgun("accepted"), "sent"],
    ["rejected", mailgun("rejected", { reject: { reason: "Sandbox" } }), "bounce/block"],
    ["delivered", mailgun("delivered", { "delivery-status": { code: 250, message: "OK" } }), "delivered"],
    [
      "failed, permanent",
      mailgun("failed", {
        severity: "permanent",
        reason: "bounce",
        "delivery-status": { code: 550, message: "5.1.1 no such user" },
      }),
      "bounce/hard",
    ],
    [
      "failed, suppressed",
      mailgun("failed", { severity: "permanent", reason: "suppress-bounce", "delivery-status": { code: 605 } }),
      "bounce/block",
      { smtp_code: undefined },
    ],
    [
      "failed, too old",
      mailgun("failed", { severity: "permanent", reason: "old", "delivery-status": { code: 602, message: "Too old" } }),
      "bounce/soft",
    ],
    [
      "failed, a soft bounce to the end",
      mailgun("failed", {
        severity: "permanent",
        reason: "generic",
        "delivery-status": { "bounce-type": "soft", code: 550 },
      }),
      "bounce/soft",
    ],
    [
      "failed, temporary",
      mailgun("failed", { severity: "temporary", "delivery-status": { code: 421, "attempt-no": 3 } }),
      "deferred",
      { attempt: 3, smtp_code: "421" },
    ],
    ["opened", mailgun("opened"), "open"],
    [
      "opened by a machine",
      mailgun("opened", { "client-info": { bot: "apple" } }),
      "open",
      { machine: true, machine_reason: "mailgun:apple" },
    ],
    ["clicked", mailgun("clicked", { url: "https://example.com/a" }), "click"],
    ["unsubscribed", mailgun("unsubscribed"), "unsubscribe"],
    ["complained", mailgun("complained"), "complaint"],
    ["stored", mailgun("stored", { storage: { key: "k" } }), "-"],
    ["list_member_uploaded", mailgun("list_member_uploaded"), "-"],
    ["list_member_upload_error", mailgun("list_member_upload_error"), "-"],
    ["list_uploaded", mailgun("list_uploaded"), "-"],
  ],
  postmark: [
    ["Delivery", postmark("Delivery"), "delivered"],
    ["Open", postmark("Open", { FirstOpen: true }), "open", { first: true }],
    ["Click", postmark("Click", { OriginalLink: "https://example.com/a" }), "click"],
    ["SpamComplaint", { ...postmarkBounce("SpamComplaint"), RecordType: "SpamComplaint" }, "complaint"],
    [
      "SubscriptionChange, by the reader",
      postmark("SubscriptionChange", {
        SuppressSending: true,
        SuppressionReason: "ManualSuppression",
        Origin: "Recipient",
      }),
      "unsubscribe",
      { method: "recipient" },
    ],
    [
      "SubscriptionChange, a bounce",
      postmark("SubscriptionChange", { SuppressSending: true, SuppressionReason: "HardBounce" }),
      "bounce/hard",
    ],
    [
      "SubscriptionChange, a complaint",
      postmark("SubscriptionChange", { SuppressSending: true, SuppressionReason: "SpamComplaint" }),
      "complaint",
    ],
    ["SubscriptionChange, back", postmark("SubscriptionChange", { SuppressSending: false }), "-"],
    ["Inbound", { From: "a@example.org", FromFull: {}, MessageID: "in1" }, "-"],
    ...(
      [
        ["HardBounce", "bounce/hard"],
        ["BadEmailAddress", "bounce/hard"],
        ["AddressChange", "bounce/hard"],
        ["SoftBounce", "bounce/soft"],
        ["DnsError", "bounce/soft"],
        ["Undeliverable", "bounce/soft"],
        ["InboundError", "bounce/soft"],
        ["Unknown", "bounce/soft"],
        ["Blocked", "bounce/block"],
        ["SpamNotification", "bounce/block"],
        ["VirusNotification", "bounce/block"],
        ["DMARCPolicy", "bounce/block"],
        ["ManuallyDeactivated", "bounce/block"],
        ["SMTPApiError", "bounce/block"],
        ["TemplateRenderingFailed", "bounce/block"],
        ["Unconfirmed", "bounce/block"],
        ["Transient", "deferred"],
        ["AutoResponder", "reply"],
        ["ChallengeVerification", "reply"],
        ["Unsubscribe", "unsubscribe"],
        ["SpamComplaint", "complaint"],
        ["Subscribe", "-"],
        ["OpenRelayTest", "-"],
      ] as const
    ).map(([type, means]): Case => [`Bounce ${type}`, postmarkBounce(type), means]),
  ],
  sparkpost: [
    ["injection", sparkpost("injection", { template_id: "t" }), "sent", { template_id: "t" }],
    ["delivery", sparkpost("delivery"), "delivered"],
    [
      "delay",
      sparkpost("delay", { bounce_class: "21", num_retries: "2", error_code: "454" }),
      "deferred",
      { attempt: 2, smtp_code: "454" },
    ],
    [
      "policy_rejection",
      sparkpost("policy_rejection", { bounce_class: "25", raw_reason: "550 5.7.1 no" }),
      "bounce/block",
    ],
    ["out_of_band", sparkpost("out_of_band", { bounce_class: "10" }), "bounce/hard"],
    ["generation_failure", sparkpost("generation_failure"), "bounce/block"],
    ["generation_rejection", sparkpost("generation_rejection"), "bounce/block"],
    ...(
      [
        ["1", "bounce/soft"],
        ["10", "bounce/hard"],
        ["20", "bounce/soft"],
        ["22", "bounce/soft"],
        ["25", "bounce/block"],
        ["30", "bounce/hard"],
        ["40", "bounce/soft"],
        ["50", "bounce/block"],
        ["51", "bounce/block"],
        ["54", "bounce/block"],
        ["60", "reply"],
        ["70", "bounce/soft"],
        ["80", "-"],
        ["90", "unsubscribe"],
        ["100", "reply"],
      ] as const
    ).map(
      ([bounce_class, means]): Case => [
        `bounce of class ${bounce_class}`,
        sparkpost("bounce", { bounce_class }),
        means,
      ],
    ),
    ["open", sparkpost("open"), "open"],
    ["initial_open", sparkpost("initial_open"), "open", { first: true }],
    ["open, prefetched", sparkpost("open", { user_agent_parsed: { is_prefetched: true } }), "open", { machine: true }],
    ["amp_open", sparkpost("amp_open"), "open"],
    ["amp_initial_open", sparkpost("amp_initial_open"), "open", { first: true }],
    [
      "click",
      sparkpost("click", { target_link_url: "https://example.com/a", target_link_name: "a" }),
      "click",
      { link_id: "a" },
    ],
    ["amp_click", sparkpost("amp_click"), "click"],
    ["spam_complaint", sparkpost("spam_complaint", { fbtype: "abuse" }), "complaint"],
    ["list_unsubscribe", sparkpost("list_unsubscribe"), "unsubscribe", { method: "list" }],
    ["link_unsubscribe", sparkpost("link_unsubscribe"), "unsubscribe", { method: "link" }],
    ["inbound mail", [{ msys: { relay_message: { rcpt_to: "in@example.com", content: {} } } }], "-"],
    ...[
      "relay_injection",
      "relay_rejection",
      "relay_delivery",
      "relay_tempfail",
      "relay_permfail",
      "ab_test_completed",
      "ab_test_cancelled",
      "success",
      "error",
    ].map((type): Case => [type, sparkpost(type), "-"]),
  ],
  mandrill: [
    ["send", mandrill("send"), "sent"],
    ["delivered", mandrill("delivered"), "delivered"],
    [
      "deferral",
      mandrill("deferral", { smtp_events: [{ ts: 1, diag: "451 4.3.5 Temporarily unavailable" }] }),
      "deferred",
      { smtp_code: "451", enhanced_code: "4.3.5" },
    ],
    [
      "hard_bounce",
      mandrill("hard_bounce", { bounce_description: "bad_mailbox", diag: "smtp;550 5.1.1 no such user" }),
      "bounce/hard",
      { reason: "bad_mailbox" },
    ],
    [
      "soft_bounce",
      mandrill("soft_bounce", { bounce_description: "mailbox_full", diag: "smtp;552 5.2.2 Over Quota" }),
      "bounce/soft",
    ],
    ["reject", mandrill("reject", { reject: { reason: "hard-bounce" } }), "bounce/block", { reason: "hard-bounce" }],
    ["open", mandrill("open"), "open"],
    ["click", mandrill("click"), "click"],
    ["spam", mandrill("spam"), "complaint"],
    ["unsub", mandrill("unsub"), "unsubscribe"],
    ["inbound", mandrill("inbound"), "-"],
    [
      "blacklist sync",
      new URLSearchParams({
        mandrill_events: JSON.stringify([
          { type: "blacklist", action: "add", reject: { email: "kim@example.org" }, ts: 1 },
        ]),
      }).toString(),
      "-",
    ],
    [
      "whitelist sync",
      new URLSearchParams({
        mandrill_events: JSON.stringify([{ type: "whitelist", action: "remove", ts: 1 }]),
      }).toString(),
      "-",
    ],
  ],
  mailjet: [
    ["sent", mailjet("sent", { smtp_reply: "250 2.0.0 OK" }), "delivered"],
    ["open", mailjet("open"), "open"],
    ["click", mailjet("click", { url: "https://example.com/a" }), "click"],
    [
      "bounce, hard",
      mailjet("bounce", { hard_bounce: true, error_related_to: "recipient", error: "user unknown" }),
      "bounce/hard",
    ],
    ["bounce, hard, as a number", mailjet("bounce", { hard_bounce: 1, blocked: 0 }), "bounce/hard"],
    ["bounce, soft", mailjet("bounce", { hard_bounce: false, error: "greylisted" }), "deferred"],
    ["blocked", mailjet("blocked", { error_related_to: "recipient", error: "preblocked" }), "bounce/block"],
    ["spam", mailjet("spam", { source: "JMRPP" }), "complaint"],
    ["unsub", mailjet("unsub", { mj_list_id: 1 }), "unsubscribe"],
    ["typofix", mailjet("typofix"), "-"],
  ],
  brevo: [
    ["request", brevo("request"), "sent"],
    ["delivered", brevo("delivered"), "delivered"],
    ["deferred", brevo("deferred", { reason: "421 4.7.0 try later" }), "deferred"],
    ["hard_bounce", brevo("hard_bounce", { reason: "550 5.1.1 no such user" }), "bounce/hard"],
    ["hardBounce", brevo("hardBounce"), "bounce/hard"],
    ["soft_bounce", brevo("soft_bounce"), "bounce/soft"],
    ["softBounce", brevo("softBounce"), "bounce/soft"],
    ["blocked", brevo("blocked"), "bounce/block"],
    ["error", brevo("error"), "bounce/block"],
    ["invalid_email", brevo("invalid_email"), "bounce/hard"],
    ["invalid", brevo("invalid"), "bounce/hard"],
    ["spam", brevo("spam"), "complaint"],
    ["opened", brevo("opened"), "open"],
    ["unique_opened", brevo("unique_opened"), "open", { first: true }],
    ["uniqueOpened", brevo("uniqueOpened"), "open", { first: true }],
    ["proxy_open", brevo("proxy_open"), "open", { machine: true }],
    ["uniqueProxyOpen", brevo("uniqueProxyOpen"), "open", { machine: true, first: true }],
    ["loadedByProxy", brevo("loadedByProxy"), "open", { machine: true }],
    ["click", brevo("click", { link: "https://example.com/a" }), "click", { url: "https://example.com/a" }],
    ["unsubscribed", brevo("unsubscribed"), "unsubscribe"],
    [
      "unsubscribe of a campaign",
      { event: "unsubscribe", email: "kim@example.org", camp_id: 3, list_id: [4, 5], ts_event: 1_714_557_600 },
      "unsubscribe",
      { list_id: "4,5" },
    ],
    ["list_addition", brevo("list_addition"), "-"],
    ["contact_updated", brevo("contact_updated"), "-"],
    ["contact_deleted", brevo("contact_deleted"), "-"],
    ["inboundEmailProcessed", brevo("inboundEmailProcessed"), "-"],
  ],
  resend: [
    ["email.sent", resend("email.sent"), "sent"],
    ["email.delivered", resend("email.delivered"), "delivered"],
    ["email.delivery_delayed", resend("email.delivery_delayed"), "deferred"],
    [
      "email.bounced",
      resend("email.bounced", {
        bounce: {
          type: "Permanent",
          subType: "General",
          message: "rejected",
          diagnosticCode: ["smtp; 550 5.1.1 no such user"],
        },
      }),
      "bounce/hard",
      { enhanced_code: "5.1.1" },
    ],
    [
      "email.bounced, for a time",
      resend("email.bounced", { bounce: { type: "Transient", subType: "MailboxFull", message: "full" } }),
      "bounce/soft",
    ],
    ["email.suppressed", resend("email.suppressed", { suppressed: { message: "on the list" } }), "bounce/block"],
    [
      "email.failed",
      resend("email.failed", { failed: { reason: "reached_daily_quota" } }),
      "bounce/block",
      { reason: "reached_daily_quota" },
    ],
    ["email.complained", resend("email.complained"), "complaint"],
    ["email.opened", resend("email.opened", { open: { timestamp: "2024-05-01T10:00:00Z" } }), "open"],
    ["email.clicked", resend("email.clicked", { click: { link: "https://example.com/a" } }), "click"],
    ...[
      "email.scheduled",
      "email.received",
      "contact.created",
      "contact.updated",
      "contact.deleted",
      "domain.created",
      "domain.updated",
      "domain.deleted",
    ].map((type): Case => [type, resend(type), "-"]),
  ],
  mailersend: [
    ["activity.sent", mailersend("activity.sent"), "sent"],
    ["activity.delivered", mailersend("activity.delivered"), "delivered"],
    [
      "activity.deferred",
      mailersend("activity.deferred", { reason: "451 4.7.1 greylisted" }),
      "deferred",
      { smtp_code: "451" },
    ],
    ["activity.soft_bounced", mailersend("activity.soft_bounced", { reason: "Mailbox full" }), "bounce/soft"],
    [
      "activity.hard_bounced",
      mailersend("activity.hard_bounced", { reason: "Host or domain name not found" }),
      "bounce/hard",
    ],
    ["activity.opened", mailersend("activity.opened", { ip: "192.0.2.1" }), "open"],
    ["activity.opened_unique", mailersend("activity.opened_unique"), "open", { first: true }],
    ["activity.clicked", mailersend("activity.clicked", { url: "https://example.com/a" }), "click"],
    ["activity.clicked_unique", mailersend("activity.clicked_unique"), "click"],
    ["activity.unsubscribed", mailersend("activity.unsubscribed", { reason: "option_3" }), "unsubscribe"],
    ["activity.spam_complaint", mailersend("activity.spam_complaint"), "complaint"],
    ...[
      "activity.survey_opened",
      "activity.survey_submitted",
      "sender_identity.verified",
      "maintenance.start",
      "maintenance.end",
      "inbound_forward.failed",
      "email_single.verified",
      "email_list.verified",
      "bulk_email.completed",
    ].map((type): Case => [type, mailersend(type), "-"]),
  ],
  mailomat: [
    ["accepted", mailomat("accepted"), "sent"],
    ["not_accepted", mailomat("not_accepted", { reason: "suppressed" }), "bounce/block"],
    ["delivered", mailomat("delivered", { "delivery-status": { code: 250, message: "2.0.0 OK" } }), "delivered"],
    [
      "failure_tmp",
      mailomat("failure_tmp", {
        "delivery-status": { "attempt-nr": 2, code: 452, "enhanced-code": "4.2.2", message: "4.2.2 mailbox full" },
      }),
      "deferred",
      { smtp_code: "452", enhanced_code: "4.2.2", attempt: 2 },
    ],
    [
      "failure_perm, unknown",
      mailomat("failure_perm", {
        "delivery-status": { code: 550, "enhanced-code": "5.1.1", message: "5.1.1 address unknown" },
      }),
      "bounce/hard",
      { smtp_code: "550", enhanced_code: "5.1.1" },
    ],
    [
      "failure_perm, our host",
      mailomat("failure_perm", {
        "delivery-status": {
          code: 554,
          "enhanced-code": "5.7.1",
          message: "5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
        },
      }),
      "bounce/block",
    ],
    ["opened", mailomat("opened", { client: { ip: "192.0.2.7", "user-agent": "Mozilla/5.0" } }), "open"],
    ["clicked", mailomat("clicked", { url: "https://shop.example/" }), "click", { url: "https://shop.example/" }],
    ["a word of tomorrow", mailomat("forwarded"), "-"],
  ],
  mailtrap: [
    ["delivery", mailtrap("delivery"), "delivered"],
    ["soft bounce", mailtrap("soft bounce", { response_code: 450 }), "deferred"],
    ["soft_bounce", mailtrap("soft_bounce"), "deferred"],
    ["bounce", mailtrap("bounce", { response: "550 5.1.1 no such user", response_code: 550 }), "bounce/hard"],
    ["suspension", mailtrap("suspension", { reason: "daily limit" }), "deferred"],
    ["unsubscribe", mailtrap("unsubscribe"), "unsubscribe"],
    ["open", mailtrap("open"), "open"],
    ["spam", mailtrap("spam"), "complaint"],
    ["spam_complaint", mailtrap("spam_complaint"), "complaint"],
    ["click", mailtrap("click", { url: "https://example.com/a" }), "click"],
    ["reject", mailtrap("reject", { reason: "unsubscribed" }), "bounce/block", { reason: "unsubscribed" }],
  ],
  postal: [
    ["MessageSent", postal("MessageSent", { message: postalMessage, status: "Sent", output: "250 OK" }), "delivered"],
    [
      "MessageDelayed",
      postal("MessageDelayed", { message: postalMessage, status: "SoftFail", output: "421 4.7.0 later" }),
      "deferred",
    ],
    [
      "MessageDeliveryFailed",
      postal("MessageDeliveryFailed", { message: postalMessage, status: "HardFail", output: "550 5.1.1 no" }),
      "bounce/hard",
    ],
    [
      "MessageHeld",
      postal("MessageHeld", { message: postalMessage, status: "Held", details: "suppression list" }),
      "deferred",
    ],
    ["MessageBounced", postal("MessageBounced", { original_message: postalMessage, bounce: { id: 8 } }), "bounce/hard"],
    [
      "MessageLinkClicked",
      postal("MessageLinkClicked", { message: postalMessage, url: "https://example.com/a" }),
      "click",
    ],
    ["MessageLoaded", postal("MessageLoaded", { message: postalMessage }), "open"],
    ["DomainDNSError", postal("DomainDNSError", { domain: "example.com", spf_status: "Missing" }), "-"],
    ["SendLimitApproaching", postal("SendLimitApproaching", { server: {}, volume: 900, limit: 1000 }), "-"],
    ["SendLimitExceeded", postal("SendLimitExceeded", { server: {}, volume: 1000, limit: 1000 }), "-"],
  ],
  sweego: [
    ["email_sent", sweego("email_sent"), "sent"],
    ["delivered", sweego("delivered"), "delivered"],
    ["soft-bounce", sweego("soft-bounce", { response_code: 452 }), "bounce/soft", { smtp_code: "452" }],
    ["hard_bounce", sweego("hard_bounce", { response_code: 550 }), "bounce/hard", { smtp_code: "550" }],
    [
      "hard_bounce, our host",
      sweego("hard_bounce", { response_code: 554, details: "554 5.7.1 Client host blocked using zen.spamhaus.org" }),
      "bounce/block",
    ],
    ["complaint", sweego("complaint"), "complaint"],
    ["list_unsub", sweego("list_unsub", { one_click: true }), "unsubscribe", { method: "one_click" }],
    ["email_opened", sweego("email_opened", { open: { user_agent: "Mozilla/5.0" } }), "open"],
    ["email_clicked", sweego("email_clicked", { click: { url: "https://shop.example/" } }), "click"],
    ["sms_sent", sweego("sms_sent", { channel: "sms" }), "-"],
    ["a word of tomorrow", sweego("email_forwarded"), "-"],
  ],
  unisender_go: [
    ["sent", unisender("sent", "ok_sent"), "sent"],
    ["delivered", unisender("delivered", "ok_delivered"), "delivered"],
    ["opened", unisender("opened"), "open"],
    ["clicked", unisender("clicked"), "click"],
    ["unsubscribed", unisender("unsubscribed"), "unsubscribe"],
    ["hard_bounced, unknown", unisender("hard_bounced", "err_user_unknown"), "bounce/hard"],
    ["hard_bounced, skipped", unisender("hard_bounced", "err_unsubscribed"), "bounce/block"],
    ["hard_bounced, taken for spam", unisender("hard_bounced", "err_spam_rejected"), "bounce/block"],
    ["soft_bounced", unisender("soft_bounced", "err_mailbox_full"), "deferred"],
    ["spam", unisender("spam"), "complaint"],
    ["subscribed", unisender("subscribed"), "-"],
    [
      "a spam block",
      {
        events_by_user: [
          { events: [{ event_name: "transactional_spam_block", event_data: { block_time: "2024-05-01 10:00:00" } }] },
        ],
      },
      "-",
    ],
  ],
};
