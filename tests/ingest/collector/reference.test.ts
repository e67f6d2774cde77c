import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { hookChecks, hookSetting } from "../../../ingest/collector/hook-settings.ts";
import { providers } from "../../../ingest/sources/providers.ts";

const docs = resolve(import.meta.dirname, "../../../docs");

test("when the reference lists providers then it says what the code asks for", () => {
  const page = readFileSync(join(docs, "reference/collector.md"), "utf8");
  for (const [name, { check, signsTime, anyOf }] of Object.entries(hookChecks)) {
    const settings = anyOf.map((set) => set.map((one) => `\`${hookSetting(name, one)}\``).join(" and ")).join("; or ");
    expect(page).toContain(`| \`${name}\` | ${check} | ${signsTime ? "yes" : "no"} | ${settings} |`);
  }
});

test("when a secret is named in the table then the provider's check asks for it", async () => {
  const request = { method: "POST", url: "https://hooks.example.com/", headers: {}, body: Buffer.from("{}") };
  const context = { now: new Date(0), replayWindowSeconds: 300, fetchCertificate: async () => "" };
  for (const [name, { anyOf }] of Object.entries(hookChecks)) {
    const asked = new Set<string>();
    const secrets = new Proxy<Record<string, string>>(
      {},
      {
        get: (_target, key) => {
          asked.add(String(key));
          return undefined;
        },
      },
    );
    await providers.get(name)!.verify(request, secrets, context);
    const first = anyOf.map((set) => set[0]!).concat("username");
    expect(first.filter((one) => asked.has(one)).length, name).toBeGreaterThan(0);
  }
});
