/** Access tokens of this machine (application default credentials) for one scope; undefined where there are none. */
export function googleToken(scope: string): () => Promise<string | undefined> {
  let client: Promise<{ getAccessToken(): Promise<{ token?: string | null } | string | null | undefined> }> | undefined;
  return async () => {
    const { GoogleAuth } = await import("google-auth-library");
    client ??= new GoogleAuth({ scopes: [scope] }).getClient();
    try {
      const answer = await (await client).getAccessToken();
      return (typeof answer === "string" ? answer : answer?.token) || undefined;
    } catch {
      client = undefined; // credentials may come later; what the library says may quote a credential file
      return undefined;
    }
  };
}
