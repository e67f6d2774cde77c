import { UserError } from "../../../errors/user-error.ts";
import { oneClickToken } from "../../../ingest/collector/one-click.ts";
import { createIdHasher } from "../../../ingest/door/id-hasher.ts";
import type { Environment } from "../../environment.ts";
import { ingestKeys } from "../../ingest-keys.ts";

export interface UnsubscribeLinkOptions {
  readonly user: string;
  readonly base: string;
  readonly message?: string;
  readonly campaign?: string;
  readonly list?: string;
}

/** `inboxloop ingest unsubscribe-link`: the headers of one e-mail. A sender's program uses `oneClickToken` itself. */
export function unsubscribeLinkCommand(environment: Environment, options: UnsubscribeLinkOptions): void {
  const { ids } = ingestKeys(environment);
  if (!/^https:\/\/[^\s?#]+$/.test(options.base))
    throw new UserError("--base is no https address: RFC 8058 wants one", {
      code: "ingest.bad-base",
      exit: "usage",
      next: "inboxloop ingest unsubscribe-link --user ... --base https://mail.example.com",
    });
  const token = oneClickToken(
    {
      userIdHash: createIdHasher(ids.active)(options.user),
      messageId: options.message,
      campaignId: options.campaign,
      listId: options.list,
    },
    ids.active,
  );
  const url = `${options.base.replace(/\/+$/, "")}/unsubscribe/${token}`;
  environment.console.result({ url }, () =>
    [`List-Unsubscribe: <${url}>`, "List-Unsubscribe-Post: List-Unsubscribe=One-Click"].join("\n"),
  );
}
