// What the ids of an export name, once for every preset, as message-identity.ts has it for webhooks; docs/reference/message-ids.md is made from it.

import type { presetNames } from "./schema.ts";

interface ExportIdentity {
  /** What is taken for the id of a mail. */
  readonly field: string;
  /** `person`: one mail to one person. `mailing`: several people share it, and the door adds the person. `made`: the export has none; it is made of these. */
  readonly scope: "person" | "mailing" | "made";
  readonly times: string;
  /** Whose acts are machines', and what bounces are called. */
  readonly tells: string;
  /** Where the vendor documents it. */
  readonly documentedAt: string;
}

export const exportIdentities: Readonly<Record<(typeof presetNames)[number], ExportIdentity>> = {
  activecampaign: {
    field: "campaign and contact",
    scope: "made",
    times: "with their offset; those without are the account's own clock and are refused",
    tells:
      "A bounce has a class only where the server's words are kept. Nothing says whose act is a machine's, nor who was sent what. A contact who gets one campaign twice (automations) has one mail here.",
    documentedAt: "https://developers.activecampaign.com/reference/retrieve-a-contacts-bounce-logs",
  },
  braze: {
    field: "dispatch_id",
    scope: "mailing",
    times: "UTC, epoch seconds",
    tells:
      "Bounce is hard where the server's words do not say otherwise, `is_drop` was not even tried (block), SoftBounce soft. `machine_open` and `is_suspected_bot_click` are machines'. An event without a dispatch has no mail.",
    documentedAt:
      "https://www.braze.com/docs/user_guide/data/distribution/braze_currents/event_glossary/message_engagement_events",
  },
  brevo: {
    field: "message-id; of campaigns camp_id",
    scope: "mailing",
    times:
      "UTC: `ts_event`, else `ts_epoch`; the report's `date`. The page \"Logs\" has the account's own clock: refused until a mapping that extends the preset names its zone",
    tells:
      "The server's words before hard_bounce and soft_bounce; blocked and error are block, invalid is hard. Proxy opens are machines'.",
    documentedAt: "https://developers.brevo.com/docs/bulk-fetch-all-your-transactional-activity",
  },
  customerio: {
    field: "data.delivery_id; of the data warehouse sync delivery_id",
    scope: "person",
    times: "UTC: epoch seconds, timestamps of the sync",
    tells:
      "A bounce has a class where `failure_message` has the server's words; dropped is block. `prefetched` opens and `machine` clicks are machines'; `synthetic` opens are inferred from clicks and are none. The sync says neither: of its opens and clicks nobody knows whose they are. Its schemas: https://docs.customer.io/integrations/data-out/data-warehouses/data-warehouses-intro.",
    documentedAt: "https://docs.customer.io/integrations/api/webhooks/",
  },
  hubspot: {
    field: "id of the SENT event (sent_by_id)",
    scope: "person",
    times: "UTC",
    tells:
      "By HubSpot's category, then the server's words; dropped and suppressed are block. `filtered_event` is a machine's.",
    documentedAt: "https://legacydocs.hubspot.com/docs/methods/email/email_events_overview",
  },
  iterable: {
    field: "message_id",
    scope: "person",
    times: "UTC",
    tells: "HardBounce and SoftBounce, then the server's words. What Apple's proxy opens is a machine's.",
    documentedAt: "https://api.iterable.com/api/docs",
  },
  klaviyo: {
    field: "campaign or flow message, and person",
    scope: "made",
    times: "UTC",
    tells: "Hard and soft; dropped is block. Machine opens and bot clicks are flagged.",
    documentedAt: "https://developers.klaviyo.com/en/reference/events_api_overview",
  },
  mailchimp: {
    field: "campaign and member",
    scope: "made",
    times: "UTC; recipients have their campaign's",
    tells: "Hard and soft. Nothing says whose act is a machine's.",
    documentedAt: "https://mailchimp.com/developer/marketing/api/email-activity-reports/",
  },
  marketo: {
    field: "campaign, run, mailing and lead",
    scope: "made",
    times: "UTC",
    tells: "Categories 1 block, 2 hard, 3 and 4 soft, then the server's words. `is_bot_activity` is a machine's.",
    documentedAt: "https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/lead-database/activities",
  },
  "salesforce-marketing-cloud": {
    field: "JobID, ListID, BatchID and SubscriberID",
    scope: "made",
    times: "Central Standard Time without daylight saving: UTC-6 all year",
    tells:
      "Hard, soft and block bounces, technical ones soft, unknown ones by the server's words. Nothing says whose act is a machine's, nor that a mail was delivered.",
    documentedAt: "https://help.salesforce.com/s/articleView?id=mktg.mc_as_data_view_bounce.htm&language=en_US&type=5",
  },
};
