/** A URL that names a host and nothing of who asks or how: no user, password or port. Undefined for any other text. */
export function bareUrl(text: string): URL | undefined {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return undefined;
  }
  return url.username === "" && url.password === "" && url.port === "" ? url : undefined;
}
