import { expect, test } from "vitest";
import { certificateCache } from "../../../ingest/collector/sns-fetch.ts";
import { isSnsUrl } from "../../../ingest/sources/sns.ts";

const host = "https://sns.eu-west-1.amazonaws.com";
const named = (n: number) => `${host}/SimpleNotificationService-${n}.pem`;

test("when a URL is not exactly of Amazon's form then it is not asked", () => {
  const certificate = `${host}/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem`;
  const confirmation = `${host}/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:eu-west-1:1:t&Token=2336`;
  expect(isSnsUrl(certificate, "certificate")).toBe(true);
  expect(isSnsUrl(certificate.replace(".com/", ".com.cn/"), "certificate")).toBe(true);
  expect(isSnsUrl(confirmation, "confirmation")).toBe(true);
  for (const other of [
    confirmation,
    certificate.replace("https:", "http:"),
    certificate.replace("https://", "https://user@"),
    certificate.replace("https://", "https://:secret@"),
    certificate.replace(".com/", ".com:8443/"),
    certificate.replace(".com/", ".com.example.com/"),
    certificate.replace("sns.", "sns-x."),
    certificate.replace("SimpleNotificationService-", "other/SimpleNotificationService-"),
    `${host}/x.pem`,
    `${certificate}?x=1`,
    `${certificate}#x`,
    `${host}/?Action=Publish&x=.pem`,
  ])
    expect(isSnsUrl(other, "certificate"), other).toBe(false);
  for (const other of [
    certificate,
    confirmation.replace("ConfirmSubscription", "Unsubscribe"),
    `${confirmation}&Action=Unsubscribe`,
    confirmation.replace("/?", "/path?"),
  ])
    expect(isSnsUrl(other, "confirmation"), other).toBe(false);
});

test("when ever other certificates are asked for then few fetches are under way at a time, and a failed one is asked for anew", async () => {
  const waiting: ((ok: boolean) => void)[] = [];
  const asked: string[] = [];
  const certificates = certificateCache((url) => {
    asked.push(url);
    return new Promise((resolve, reject) => {
      waiting.push((ok) => (ok ? resolve(url) : reject(new Error("no"))));
    });
  });
  const under = [1, 2, 3, 4].map((n) => certificates(named(n)));
  const same = certificates(named(1));
  await expect(certificates(named(5))).rejects.toThrow(/too many/);
  expect(asked).toHaveLength(4);
  waiting[0]!(true);
  waiting[1]!(false);
  await expect(same).resolves.toBe(named(1));
  await expect(under[1]).rejects.toThrow("no");
  const again = [certificates(named(2)), certificates(named(5))];
  expect(asked).toEqual([1, 2, 3, 4, 2, 5].map(named));
  for (const one of waiting) one(true);
  await Promise.all([...again, under[2], under[3]]);
});
