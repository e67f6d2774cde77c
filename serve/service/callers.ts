import { UserError } from "../../errors/user-error.ts";
import { bearerKeys } from "../../platform/bearer-keys.ts";

export const purposes = ["decide", "read", "write", "explain"] as const;
export type Purpose = (typeof purposes)[number];

/** Who calls, and what for. */
export interface Caller {
  readonly name: string;
  readonly purposes: ReadonlySet<Purpose>;
}

/** The caller whose key it is; undefined when nobody's fits. Takes the same time whichever it is. */
export type CallerOf = (authorization: string | undefined) => Caller | undefined;

const prefix = "INBOXLOOP_SERVE_KEY_";

/**
 * Callers of the decision service, from settings INBOXLOOP_SERVE_KEY_<CALLER>=<purposes>:<key>: purposes joined by +, a key of 16
 * characters or more; a second one after a comma while one takes the other's place.
 */
export function configuredCallers(settings: Readonly<Record<string, string | undefined>>): {
  readonly names: readonly string[];
  readonly callerOf: CallerOf;
} {
  const known: { readonly holder: Caller; readonly key: string }[] = [];
  for (const [setting, value] of Object.entries(settings)) {
    if (!setting.startsWith(prefix) || !value) continue;
    const name = setting.slice(prefix.length).toLowerCase();
    for (const part of value.split(",").map((one) => one.trim())) {
      const [, stated = "", key = ""] = /^([a-z+]+):(.+)$/.exec(part) ?? [];
      const wanted = stated.split("+");
      if (key.length < 16 || !wanted.every((one) => purposes.includes(one as Purpose))) {
        throw new UserError(
          `${setting} cannot be used: it is <purposes>:<key>, a key of 16 characters or more, purposes of ${purposes.join(", ")}`,
          {
            code: "serve.bad-key",
            exit: "config",
            where: setting,
            next: `${prefix}SHOP=decide+read:$(openssl rand -hex 24)`,
          },
        );
      }
      known.push({ holder: { name, purposes: new Set(wanted as Purpose[]) }, key });
    }
  }
  return {
    names: [...new Set(known.map(({ holder }) => holder.name))].sort(),
    callerOf: bearerKeys(known),
  };
}
