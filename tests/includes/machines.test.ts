import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import machines from "../../includes/machines.js";

const pattern = new RegExp(/r'(.*)'\)$/.exec(machines.isMachineAgent("user_agent"))![1]!);
const isMachine = (agent: string): boolean => pattern.test(agent.toLowerCase());

describe("machines", () => {
  test.each([
    "Mozilla/5.0",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Barracuda Sentinel (EE)",
    "Twitterbot/1.0",
    "bot",
    "Expanse, a Palo Alto Networks company, searches across the global IPv4 space",
    "Mozilla/5.0 (compatible; CensysInspect/1.1; +https://about.censys.io/)",
    "ClickUpLinkUnfurler/1.0",
    "python-requests/2.28.2",
    "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/119.0.0.0 Safari/537.36",
  ])("when the agent is %s, then it is a machine", (agent) => {
    expect(isMachine(agent)).toBe(true);
  });

  test.each([
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
    "Mozilla/4.0 (compatible; ms-office; MSOffice 16)",
    // a phone by that name; a library that apps read with; what a CDN puts in the place of whoever reads
    "Mozilla/5.0 (Linux; Android 10; CUBOT X30) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android 9; CUBOT_NOTE_7 Build/PPR1) Mobile Safari/537.36",
    "okhttp/4.12.0",
    "Java/17.0.2",
    "Amazon CloudFront",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) coc_coc_browser/120 Chrome/114 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 [FBAN/FBIOS;FBAV/460.0]",
    "",
  ])("when the agent is %s, then it may be a reader", (agent) => {
    expect(isMachine(agent)).toBe(false);
  });

  test("when the column is missing, then it is refused", () => {
    expect(() => machines.isMachineAgent("")).toThrow(/includes\/machines\.js/);
  });

  const path = new URL("../../../shared/data/machine_opens/email_user_agents.json", import.meta.url);
  const agents = readJson(path);
  test.skipIf(agents === undefined)(
    "when agents were seen on real opens and clicks, then readers' are left alone",
    () => {
      const { known_machine_agents, observed_open_agents, observed_click_agents } = agents!;
      const named = known_machine_agents.filter(({ klass }) => /link_preview|scanner/.test(klass));
      expect(named.filter(({ user_agent }) => !isMachine(user_agent))).toEqual([]);
      const seen = [...observed_open_agents, ...observed_click_agents];
      expect(seen.length).toBeGreaterThan(10);
      expect(seen.filter(({ user_agent }) => user_agent !== "" && isMachine(user_agent))).toEqual([]);
    },
  );
});

interface Agent {
  readonly user_agent: string;
  readonly klass: string;
}
interface Agents {
  readonly known_machine_agents: readonly Agent[];
  readonly observed_open_agents: readonly Agent[];
  readonly observed_click_agents: readonly Agent[];
}

/** The real agents, where the folder beside the repository is there. */
function readJson(path: URL): Agents | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Agents;
  } catch {
    return undefined;
  }
}
