import { normaliseAddress } from "./address.ts";

/**
 * Local parts that stand for a role and not for a person: RFC 2142, and what mailbox and e-mail providers refuse to mail as such.
 */
const roles = new Set([
  ...["abuse", "noc", "security", "postmaster", "hostmaster", "usenet", "news", "webmaster", "www", "uucp", "ftp"],
  ...[
    "info",
    "marketing",
    "sales",
    "support",
    "help",
    "helpdesk",
    "contact",
    "office",
    "team",
    "hello",
    "mail",
    "admin",
  ],
  ...[
    "administrator",
    "root",
    "billing",
    "accounts",
    "accounting",
    "hr",
    "jobs",
    "careers",
    "press",
    "media",
    "privacy",
  ],
  ...[
    "legal",
    "orders",
    "order",
    "service",
    "feedback",
    "enquiries",
    "inquiries",
    "noreply",
    "no-reply",
    "kontakt",
    "buero",
  ],
]);

/** Whether an address is one of a role, which several people read; undefined for what is no address, as a hash. */
export function isRoleAddress(id: string): boolean | undefined {
  if (!id.includes("@")) return undefined;
  const local = normaliseAddress(id).split("@", 1)[0]!.toLowerCase();
  return roles.has(local.split("+", 1)[0]!);
}
