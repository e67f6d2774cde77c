import { createHash } from "node:crypto";
import { CRC32C } from "@google-cloud/storage";
import { expect, test } from "vitest";
import { cloudFiles } from "../../platform/artefacts/object-store.ts";
import { loopback } from "../support/loopback.ts";

test("when mails go to a bucket, then Google's client writes the object whole and finds it by its name", async () => {
  const objects = new Map<string, string>();
  const server = await loopback(({ method, path, body }) => {
    const url = new URL(path, "http://x");
    if (method === "POST") {
      // multipart/related: the object's description, then its bytes
      const name = url.searchParams.get("name") ?? "";
      objects.set(name, body.split("\r\n\r\n")[2]!.split("\r\n--")[0]!);
      const content = objects.get(name)!;
      const crc32c = new CRC32C();
      crc32c.update(Buffer.from(content));
      const md5Hash = createHash("md5").update(content).digest("base64");
      return {
        status: 200,
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ name, md5Hash, crc32c: crc32c.toString() }),
      };
    }
    const name = decodeURIComponent(url.pathname.split("/o/")[1]!);
    return objects.has(name)
      ? { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify({ name }) }
      : { status: 404, headers: { "content-type": "application/json" }, body: '{"error":{"code":404}}' };
  });
  try {
    const files = await cloudFiles({ apiEndpoint: server.url });
    expect(await files.exists("gs://bucket/mails/a.csv")).toBe(false);
    await files.write("gs://bucket/mails/a.csv", "decision_id\r\nd-1");
    expect(await files.exists("gs://bucket/mails/a.csv")).toBe(true);
    expect([...objects.keys()]).toEqual(["mails/a.csv"]);
    expect(objects.get("mails/a.csv")).toBe("decision_id\r\nd-1");
  } finally {
    await server.close();
  }
});
