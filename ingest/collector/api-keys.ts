import { UserError } from "../../errors/user-error.ts";
import { bearerKeys } from "../../platform/bearer-keys.ts";
import { type ApiRoute, apiRoutes } from "./api-records.ts";

/** Which source calls, by its key; undefined when nobody's key fits. Takes the same time whichever key it is. */
export type SourceOfKey = (authorization: string | undefined) => string | undefined;

const prefix = "INBOXLOOP_API_KEY_";
const routesPrefix = "INBOXLOOP_API_ROUTES_";

/** Whether a source may call a route of `/v1`. */
export type MayCall = (source: string, route: ApiRoute) => boolean;

/**
 * What sources may send: events, unless INBOXLOOP_API_ROUTES_<SOURCE> lists other routes with commas (`consents,profiles`), or `all`. A key
 * that lies in a web page or an app must not be able to state other people's consent.
 */
export function apiRights(settings: Readonly<Record<string, string | undefined>>): MayCall {
  const allowed = new Map<string, ReadonlySet<string>>();
  for (const [name, value] of Object.entries(settings)) {
    if (!name.startsWith(routesPrefix) || !value) continue;
    const listed = value.split(",").map((one) => one.trim().toLowerCase());
    const unknown = listed.find((one) => one !== "all" && !(apiRoutes as readonly string[]).includes(one));
    if (unknown !== undefined) {
      throw new UserError(`${name} names a route that there is not: ${unknown}`, {
        code: "collector.bad-api-route",
        exit: "config",
        next: `${routesPrefix}SHOP=${apiRoutes.join(",")}`,
      });
    }
    allowed.set(name.slice(routesPrefix.length).toLowerCase(), new Set(listed.includes("all") ? apiRoutes : listed));
  }
  return (source, route) => allowed.get(source)?.has(route) ?? route === "events";
}
/**
 * The sources that may call `/v1`: settings INBOXLOOP_API_KEY_<SOURCE>, a key of 16 characters or more each; two
 * keys after each other, with a comma, while one takes the other's place.
 */
export function apiSources(settings: Readonly<Record<string, string | undefined>>): {
  readonly names: readonly string[];
  readonly sourceOf: SourceOfKey;
} {
  const keys: { readonly holder: string; readonly key: string }[] = [];
  for (const [name, value] of Object.entries(settings)) {
    if (!name.startsWith(prefix) || !value) continue;
    const source = name.slice(prefix.length).toLowerCase();
    for (const key of value.split(",").map((one) => one.trim())) {
      if (!/^[a-z0-9_]{1,40}$/.test(source) || key.length < 16) {
        throw new UserError(`${name} cannot be used: a key has 16 characters or more, a source letters and digits`, {
          code: "collector.bad-api-key",
          exit: "config",
          next: `${prefix}SHOP=$(openssl rand -hex 24)`,
        });
      }
      keys.push({ holder: source, key });
    }
  }
  return {
    names: [...new Set(keys.map(({ holder }) => holder))].sort(),
    sourceOf: bearerKeys(keys),
  };
}
