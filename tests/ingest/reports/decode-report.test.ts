import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { zipSync } from "fflate";
import { describe, expect, test } from "vitest";
import { decodeAuthenticationReport } from "../../../ingest/reports/decode-report.ts";

const record = (ip: string, count: string): string => `<record>
  <row><source_ip>${ip}</source_ip><count>${count}</count>
    <policy_evaluated><disposition>quarantine</disposition><dkim>fail</dkim><spf>pass</spf><reason><type>forwarded</type></reason></policy_evaluated></row>
  <identifiers><header_from>Example.com</header_from></identifiers>
  <auth_results><dkim><domain>a.example</domain><selector>s1</selector><result>fail</result></dkim><spf><domain>b.example</domain><result>pass</result></spf></auth_results>
</record>`;
const report = (records: string, open = "<feedback>", head = ""): string => `<?xml version="1.0"?>${head}${open}
<report_metadata><org_name>Cats &amp; Co</org_name><report_id>r1</report_id><date_range><begin>1538784000</begin><end>1538870399</end></date_range></report_metadata>
<policy_published><domain>example.com</domain><p>reject</p><pct>100</pct></policy_published>${records}</feedback>`;

const rowOf = {
  kind: "row",
  table: "dmarc_reports",
  values: {
    report_id: "r1",
    org_name: "Cats & Co",
    policy_domain: "example.com",
    policy: "reject",
    range_begin_at: "2018-10-06T00:00:00.000Z",
    source_ip_prefix: "192.0.2.0/24",
    messages: 7,
    disposition: "quarantine",
    dkim: "fail",
    spf: "pass",
    header_from: "example.com",
    details: { overrides: ["forwarded"], dkim: [{ domain: "a.example", selector: "s1", result: "fail" }] },
  },
};
const bytes = (text: string): Uint8Array => Buffer.from(text);
const one = report(record("192.0.2.77", "7"));

test.each([
  ["as plain XML", bytes(one)],
  [
    "with the namespace of RFC 9990",
    bytes(report(record("192.0.2.77", "7"), '<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0">')),
  ],
  ["gzipped", gzipSync(one)],
  ["gzipped, with a line end behind it", Buffer.concat([gzipSync(one), Buffer.from("\r\n")])],
  [
    "behind a schema that is never closed",
    bytes(one.replace("<feedback>", '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><feedback>')),
  ],
  ["with two declarations and stray bytes", bytes(`x ${'<?xml version="1.0"?>'}${one}\n--\n`)],
  ["zipped", zipSync({ "r.xml": bytes(one) })],
  ["zipped and gzipped", gzipSync(zipSync({ "r.xml": bytes(one) }))],
  [
    "attached to a mail",
    bytes(
      `From: dmarc@example.net\r\nTo: rua@example.com\r\nSubject: Report Domain: example.com\r\nMIME-Version: 1.0\r\nContent-Type: application/gzip; name="r.xml.gz"\r\nContent-Disposition: attachment; filename="r.xml.gz"\r\nContent-Transfer-Encoding: base64\r\n\r\n${gzipSync(one).toString("base64")}\r\n`,
    ),
  ],
])("when a report arrives %s then its record is a row, with the address cut to its network", async (_how, data) => {
  expect(await decodeAuthenticationReport(data)).toMatchObject([rowOf]);
});

test("when a report has several records then each is a row", async () => {
  const items = await decodeAuthenticationReport(
    bytes(report(record("192.0.2.1", "1") + record("2001:db8:1:2::3", "2"))),
  );
  expect(items.map((item) => (item.kind === "row" ? item.values["source_ip_prefix"] : item.kind))).toEqual([
    "192.0.2.0/24",
    "2001:db8:1::/48",
  ]);
});

test.each([
  ["broken XML", bytes(one.replace("</record>", "")), "malformed-input"],
  ["cut off in the middle", bytes(one.slice(0, 500)), "malformed-input"],
  ["broken gzip", gzipSync(one).subarray(0, 60), "malformed-input"],
  ["a count that is no number", bytes(report(record("192.0.2.1", "many"))), "wrong-type"],
  ["another document", bytes("<html></html>"), "not-a-signal"],
  ["a mail without a report", bytes("From: a@example.org\nSubject: hi\n\nhello\n"), "not-a-signal"],
  ["nothing", new Uint8Array(), "malformed-input"],
  [
    "a document with entities of its own",
    bytes(
      report(
        record("192.0.2.1", "1"),
        "<feedback>",
        '<!DOCTYPE feedback [<!ENTITY x SYSTEM "file:///etc/passwd"><!ENTITY y "&x;&x;">]>',
      ),
    ),
    "malformed-input",
  ],
  ["a gzip bomb", gzipSync(Buffer.alloc(40 * 1024 * 1024, 32)), "too-large"],
  ["a zip bomb", zipSync({ "r.xml": new Uint8Array(40 * 1024 * 1024) }), "too-large"],
])("when the input is %s then it is quarantined", async (_what, data, reason) => {
  expect(await decodeAuthenticationReport(data)).toMatchObject([{ kind: "dead-letter", reason }]);
});

test("when a TLS report arrives then each policy is a row", async () => {
  const tls = {
    "organization-name": "Company-X",
    "date-range": { "start-datetime": "2016-04-01T00:00:00Z", "end-datetime": "2016-04-01T23:59:59Z" },
    "report-id": "t1",
    policies: [
      {
        policy: { "policy-type": "sts", "policy-domain": "Company-Y.example" },
        summary: { "total-successful-session-count": 5326, "total-failure-session-count": 303 },
        "failure-details": [{ "result-type": "certificate-expired", "failed-session-count": 100 }],
      },
    ],
  };
  expect(await decodeAuthenticationReport(gzipSync(JSON.stringify(tls)))).toMatchObject([
    {
      kind: "row",
      table: "tls_reports",
      values: { report_id: "t1", policy_domain: "company-y.example", policy_type: "sts", succeeded: 5326, failed: 303 },
    },
  ]);
});

const real = resolve(import.meta.dirname, "../../../../shared/data/dmarc_reports");
describe.runIf(existsSync(real))("reports of ../shared/data/dmarc_reports", () => {
  const files = existsSync(real) ? readdirSync(real).filter((name) => /\.xml(\.gz)?$/.test(name)) : [];
  test.each(files)("when %s is read then its file name agrees with what it says", async (file) => {
    const items = await decodeAuthenticationReport(readFileSync(join(real, file)));
    expect(items.length).toBeGreaterThan(0);
    for (const item of items) {
      if (item.kind !== "row") throw new Error(`quarantined: ${item.kind}`);
      const range = /!(\d{10})!(\d{10})/.exec(file);
      expect(Date.parse(String(item.values["range_begin_at"])) / 1000).toBe(Number(range?.[1]));
      expect(Math.abs(Date.parse(String(item.values["range_end_at"])) / 1000 - Number(range?.[2]))).toBeLessThanOrEqual(
        1,
      );
      expect(item.values["messages"]).toBeGreaterThan(0);
    }
  });
});
