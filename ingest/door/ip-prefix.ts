import { isIP } from "node:net";

/**
 * An IP address reduced to the network it is in: /24 for IPv4, /48 for IPv6 (an IPv4 address written as IPv6 counts as
 * IPv4). A prefix is reduced again, so nothing finer passes. Undefined for what is no address.
 */
export function ipPrefix(text: string): string | undefined {
  const bare = text
    .trim()
    .replace(/^\[|\]$/g, "")
    .split("/")[0]!
    .split("%")[0]!;
  const kind = isIP(bare);
  if (kind === 4) return `${bare.split(".").slice(0, 3).join(".")}.0/24`;
  if (kind !== 6) return undefined;
  const mapped = /^::ffff:(\d+\.\d+\.\d+)\.\d+$/i.exec(bare);
  if (mapped) return `${mapped[1]}.0/24`;
  const [head = "", tail] = bare.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const width = 8 - right.length - (right.some((group) => group.includes(".")) ? 1 : 0);
  while (left.length < width) left.push("0");
  const groups = [...left, ...right].slice(0, 3).map((group) => Number.parseInt(group, 16).toString(16));
  return `${groups.join(":")}::/48`;
}
