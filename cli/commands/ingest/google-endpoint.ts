import { UserError } from "../../../errors/user-error.ts";
import type { Environment } from "../../environment.ts";

/**
 * Where one of Google's services is asked: the setting `name`, else `standard`. A token is said to it, so it is https, or this machine.
 *
 * @throws UserError `google.insecure-endpoint` otherwise
 */
export function googleEndpoint(
  settings: Environment["settings"],
  name: string,
  { service, standard }: { readonly service: string; readonly standard: string },
): string {
  const endpoint = settings[name] || standard;
  if (!/^https:\/\/|^http:\/\/(?:127\.0\.0\.1|localhost|\[::1\])(?::|\/|$)/.test(endpoint))
    throw new UserError(`the endpoint of ${service} is not encrypted, and a token would be said to it`, {
      code: "google.insecure-endpoint",
      exit: "config",
      where: name,
      next: `unset it: ${standard} is the default`,
    });
  return endpoint.replace(/\/$/, "");
}
