import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { CRC32C } from "@google-cloud/storage";

export interface BucketServer {
  readonly url: string;
  /** Objects by name, of whatever bucket. */
  readonly objects: Map<string, Buffer>;
  close(): Promise<void>;
}

function checksum(bytes: Buffer): string {
  const sum = new CRC32C();
  sum.update(bytes);
  return sum.toString();
}

/** As much of Cloud Storage's JSON API as Google's client asks for: list, download, resumable upload with a precondition. */
export async function startBucketServer(): Promise<BucketServer> {
  const objects = new Map<string, Buffer>();
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    const json = (status: number, body: unknown): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    const described = (name: string) => ({
      name,
      bucket: "loop",
      size: String(objects.get(name)!.length),
      generation: "1",
      crc32c: checksum(objects.get(name)!),
    });
    if (request.method === "PUT") {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const name = url.searchParams.get("name")!;
      objects.set(name, Buffer.concat(chunks));
      json(200, described(name));
      return;
    }
    if (request.method === "POST") {
      const body = await text(request);
      const name = url.searchParams.get("name") ?? (JSON.parse(body) as { name: string }).name;
      if (url.searchParams.get("ifGenerationMatch") === "0" && objects.has(name))
        json(412, { error: { code: 412, message: "there is one" } });
      else
        response
          .writeHead(200, { location: `http://${request.headers.host}/resume?name=${encodeURIComponent(name)}` })
          .end();
      return;
    }
    const path = /\/b\/[^/]+\/o(?:\/(.+))?$/.exec(url.pathname)?.[1];
    if (path === undefined) {
      const prefix = url.searchParams.get("prefix") ?? "";
      json(200, { items: [...objects.keys()].filter((name) => name.startsWith(prefix)).map(described) });
      return;
    }
    const name = decodeURIComponent(path);
    const found = objects.get(name);
    if (!found) json(404, { error: { code: 404, message: `no object ${name}` } });
    else if (url.searchParams.get("alt") !== "media") json(200, described(name));
    else {
      response
        .writeHead(200, { "x-goog-hash": `crc32c=${checksum(found)}`, "content-length": found.length })
        .end(found);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
