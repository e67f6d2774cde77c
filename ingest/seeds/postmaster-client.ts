import { z } from "zod";
import { UserError } from "../../errors/user-error.ts";
import { type PostmasterDay, postmasterMetrics } from "./postmaster-stats.ts";

/** What the client touches outside itself. */
export interface PostmasterEnv {
  /** `https://gmailpostmastertools.googleapis.com`, or a server of a test. */
  readonly endpoint: string;
  /** An OAuth 2.0 access token with the scope `postmaster.traffic.readonly`; asked for before every call. */
  readonly token: () => Promise<string>;
  readonly sleep: (ms: number) => Promise<void>;
}

export const postmasterEndpoint = "https://gmailpostmastertools.googleapis.com";
export const postmasterScope = "https://www.googleapis.com/auth/postmaster.traffic.readonly";

/** The most that one page may hold. */
const pageSize = 200;
/** A busy server is asked so many times; a quota of a minute has passed by then. */
const attempts = 6;
const timeoutMs = 60_000;

const date = z.looseObject({ year: z.number().int(), month: z.number().int(), day: z.number().int() });
const page = z.looseObject({
  domainStats: z
    .array(
      z.looseObject({
        date: date.nullish(),
        metric: z.string(),
        value: z
          .looseObject({
            doubleValue: z.number().nullish(),
            floatValue: z.number().nullish(),
            intValue: z.string().nullish(),
            stringValue: z.string().nullish(),
          })
          .nullish(),
      }),
    )
    .nullish(),
  nextPageToken: z.string().nullish(),
});

const dateOf = (iso: string) => {
  const [year, month, day] = iso.split("-").map(Number);
  return { year, month, day };
};
const isoOf = ({ year, month, day }: z.output<typeof date>): string =>
  `${String(year).padStart(4, "0")}-${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}`;

/**
 * The days between `from` and `to` (inclusive, YYYY-MM-DD) for which Google has statistics of the domain, oldest first. Days on which too
 * little was sent have none and are left out. Retries what a server may be over with soon; what a person has to settle (no permission,
 * no such domain, a quota that stays used up) is a UserError.
 */
export async function queryDomainStats(
  env: PostmasterEnv,
  domain: string,
  range: { readonly from: string; readonly to: string },
  signal: AbortSignal,
): Promise<readonly PostmasterDay[]> {
  const stats = new Map<string, PostmasterDay["stats"]>();
  let pageToken: string | undefined;
  do {
    const answer = await call(
      env,
      domain,
      {
        metricDefinitions: postmasterMetrics.map(({ name, standardMetric, filter }) => ({
          name,
          baseMetric: { standardMetric },
          ...(filter ? { filter } : {}),
        })),
        timeQuery: { dateRanges: { dateRanges: [{ start: dateOf(range.from), end: dateOf(range.to) }] } },
        aggregationGranularity: "DAILY",
        pageSize,
        ...(pageToken ? { pageToken } : {}),
      },
      signal,
    );
    for (const { date: on, metric, value } of answer.domainStats ?? []) {
      const said = value?.doubleValue ?? value?.floatValue ?? value?.stringValue ?? value?.intValue;
      if (!on || said === null || said === undefined) continue;
      const day = isoOf(on);
      const number = value?.intValue && Number.isSafeInteger(Number(value.intValue)) ? Number(value.intValue) : said;
      stats.set(day, [...(stats.get(day) ?? []), { metric, value: number }]);
    }
    pageToken = answer.nextPageToken || undefined;
  } while (pageToken);
  return [...stats]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([day, list]) => ({
      domain,
      date: day,
      // The same day asked for twice is the same bytes.
      stats: list.sort((a, b) => (a.metric < b.metric ? -1 : 1)),
    }));
}

async function call(
  env: PostmasterEnv,
  domain: string,
  body: object,
  signal: AbortSignal,
): Promise<z.output<typeof page>> {
  const url = `${env.endpoint}/v2/domains/${encodeURIComponent(domain)}/domainStats:query`;
  for (let attempt = 1; ; attempt++) {
    const last = attempt === attempts;
    let response: Response;
    try {
      response = await fetch(url, {
        method: "POST",
        headers: { authorization: `Bearer ${await env.token()}`, "content-type": "application/json" },
        body: JSON.stringify(body),
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
        redirect: "error",
      });
    } catch (error) {
      if (error instanceof UserError || signal.aborted) throw error;
      if (!last) {
        await env.sleep(backoff(attempt));
        continue;
      }
      throw trouble("Google Postmaster cannot be reached", "postmaster.unreachable", "remote", domain, "run it again");
    }
    if (response.ok) {
      const answer = page.safeParse(await response.json().catch(() => undefined));
      if (answer.success) return answer.data;
      throw trouble(
        "Google Postmaster answered with something that is no page of statistics",
        "postmaster.bad-answer",
        "remote",
        domain,
        "run it again; if it stays so, the API has changed",
      );
    }
    const isBusy = response.status === 429 || response.status >= 500;
    await response.body?.cancel();
    if (isBusy && !last) {
      const after = Number(response.headers.get("retry-after"));
      await env.sleep(after > 0 ? Math.min(after * 1000, 120_000) : backoff(attempt));
      continue;
    }
    throw refusal(response.status, domain);
  }
}

/** 1, 2, 4 ... 32 seconds. */
const backoff = (attempt: number): number => 1000 * 2 ** (attempt - 1);

function refusal(status: number, domain: string): UserError {
  switch (status) {
    case 401:
      return trouble(
        "Google does not accept the access token",
        "postmaster.refused",
        "config",
        domain,
        `set INBOXLOOP_POSTMASTER_TOKEN to a fresh one, or: gcloud auth application-default login --scopes=${postmasterScope}`,
      );
    case 403:
      return trouble(
        `whoever the token is may not read the statistics of ${domain}`,
        "postmaster.forbidden",
        "config",
        domain,
        "add the account as a reader of the domain at https://postmaster.google.com",
      );
    case 404:
      return trouble(
        `${domain} is not registered with Google Postmaster Tools`,
        "postmaster.no-domain",
        "config",
        domain,
        "register and verify it at https://postmaster.google.com",
      );
    case 429:
      return trouble(
        "the quota of the Postmaster API is used up",
        "postmaster.quota",
        "remote",
        domain,
        "run it again later: days that have landed are not asked for again",
      );
    default:
      return trouble(`Google Postmaster answered ${status}`, "postmaster.failed", "remote", domain, "run it again");
  }
}

const trouble = (message: string, code: string, exit: "config" | "remote", domain: string, next: string): UserError =>
  new UserError(message, { code, exit, where: domain, next });
