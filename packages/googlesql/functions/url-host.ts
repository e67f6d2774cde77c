/** NET.HOST, NET.PUBLIC_SUFFIX and NET.REG_DOMAIN, by public/functions/net.cc. */
import { parse } from "tldts";

const isSlash = (c: string | undefined): boolean => c === "/" || c === "\\";

/** The host of a URL, or of what is taken for one; null when there is none. */
export function urlHost(given: string): string | null {
  const url = given.replace(/^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g, "");
  let begin = 0;
  let end = url.length;
  let schemeMayCome = true;
  if (isSlash(url[0]) && isSlash(url[1])) {
    begin = 2;
    schemeMayCome = false;
  }
  for (let p = begin; p < end; p++) {
    const c = url[p]!;
    if (/[#/?\\]/.test(c)) end = p;
    else if (c === ":" && schemeMayCome) {
      // Without slashes behind it the colon belongs to a user or a port.
      if (p + 2 < end && isSlash(url[p + 1]) && isSlash(url[p + 2])) {
        p += 2;
        begin = p + 1;
      }
      schemeMayCome = false;
    } else if (c === "@") begin = p + 1;
  }
  let from = begin;
  if (from < end && url[from] === "[") {
    while (++from < end) {
      if (url[from] === "[" || url[from] === "]") {
        from++;
        break;
      }
    }
  }
  const colon = url.slice(from, end).indexOf(":");
  if (colon >= 0) end = from + colon;
  const host = url.slice(begin, end).replace(/^\.+/, "").replace(/\.+$/, ".");
  return host === "" || host === "." ? null : host;
}

/** The last labels of a host, a dot at the very end not counted. */
function lastLabels(host: string, count: number): string | null {
  const name = host.replace(/\.$/, "");
  const labels = name.split(".");
  return labels.length < count ? null : labels.slice(-count).join(".") + host.slice(name.length);
}

/** How many labels the public suffix of a host has; 0 when it has none. Suffixes of private domains do not count. */
function suffixLabels(host: string): number {
  const name = host.replace(/\.$/, "").replace(/[A-Z]/g, (c) => c.toLowerCase());
  if (name.includes("..")) return 0;
  const { isIcann, publicSuffix } = parse(name, { extractHostname: false, validateHostname: false, detectIp: false });
  return isIcann === true && publicSuffix !== null ? publicSuffix.split(".").length : 0;
}

export function publicSuffix(url: string): string | null {
  const host = urlHost(url);
  const labels = host === null ? 0 : suffixLabels(host);
  return labels === 0 ? null : lastLabels(host!, labels);
}

/** The public suffix and one label more; null when there is no more. */
export function registrableDomain(url: string): string | null {
  const host = urlHost(url);
  const labels = host === null ? 0 : suffixLabels(host);
  return labels === 0 ? null : lastLabels(host!, labels + 1);
}
