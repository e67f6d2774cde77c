import { join } from "node:path";
import { UserError } from "../errors/user-error.ts";
import { type AlertSink, fileAlerts, slackAlerts, smtpAlerts, webhookAlerts } from "../release/alert-sinks.ts";
import type { Environment } from "./environment.ts";

/** Whom to tell of a rollback: the terminal and a file always, a webhook, Slack and mail where settings name them. */
export async function alertSinks(world: Environment): Promise<readonly AlertSink[]> {
  const { settings } = world;
  const webhook = settings["INBOXLOOP_ALERT_WEBHOOK"];
  const slack = settings["INBOXLOOP_ALERT_SLACK"];
  const smtp = settings["INBOXLOOP_ALERT_SMTP"];
  const [from, to] = [settings["INBOXLOOP_ALERT_FROM"], settings["INBOXLOOP_ALERT_TO"]];
  if (smtp && !(from && to)) {
    throw new UserError("INBOXLOOP_ALERT_SMTP needs INBOXLOOP_ALERT_FROM and INBOXLOOP_ALERT_TO", {
      code: "alerts.settings",
      exit: "config",
    });
  }
  return [
    {
      name: "stderr",
      send: async (alert) => world.console.warn(`to the ${alert.team} team: ${alert.message}`),
    },
    { ...fileAlerts(join(world.home.root, "alerts.ndjson")), name: "alerts.ndjson" },
    ...(webhook ? [webhookAlerts(webhook)] : []),
    ...(slack ? [slackAlerts(slack)] : []),
    ...(smtp && from && to ? [smtpAlerts(smtp, from, to)] : []),
  ];
}
