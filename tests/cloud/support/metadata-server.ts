import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * What Google's clients find on a machine of Google's: a metadata server that hands out a token. Dataform's CLI asks for
 * credentials even of an emulator, so its own process is told that it runs in such a place; no client is changed.
 */
export async function startMetadataServer(): Promise<{ readonly env: Record<string, string>; stop(): Promise<void> }> {
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    const isToken = path.includes("/token");
    const text = isToken
      ? JSON.stringify({ access_token: "of-an-emulator", expires_in: 3600, token_type: "Bearer" })
      : path.includes("universe")
        ? "googleapis.com"
        : path.includes("project-id")
          ? "emulated"
          : "default/";
    const type = isToken ? "application/json" : "text/plain";
    response.writeHead(200, { "content-type": type, "metadata-flavor": "Google" }).end(text);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    env: { GCE_METADATA_HOST: host, METADATA_SERVER_DETECTION: "assume-present" },
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
