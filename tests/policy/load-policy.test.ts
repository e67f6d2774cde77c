import { expect, test } from "vitest";
import { parsePolicy } from "../../policy/load-policy.ts";

const text = `schema: "1"
name: newsletter
kind: bulk
variants:
  - name: plain
ladder: [category, suppress]
category: {input: favourite, content: {}, otherwise: plain}
`;

test("when only comments, order and stated defaults differ, then the digest is the same; a cap makes another", () => {
  const { digest } = parsePolicy(text, "a.yaml");
  const same = `# a comment\nkind: bulk\nschema: "1"\nname: newsletter\npriority: 0\nladder: [category, suppress]\nvariants: [{name: plain}]\ncategory: {otherwise: plain, input: favourite, content: {}}\n`;
  expect(parsePolicy(same, "b.yaml").digest).toBe(digest);
  expect(parsePolicy(`${text}caps: {gap_hours: 1}\n`, "c.yaml").digest).not.toBe(digest);
});

test.each([
  ["a variant that is not there", text.replace("otherwise: plain", "otherwise: fancy"), 7, /no variant "fancy"/],
  ["a line that nobody knows", `${text}captions: 1\n`, 1, /captions/],
  ["a ladder in another order", text.replace("[category, suppress]", "[suppress, category]"), 6, /ladder/],
  ["a time zone that is none", `${text}time_zone: Mars/Base\n`, 8, /IANA/],
  ["YAML that is none", "schema: [", 1, /not a policy/],
  ["a bulk mail without consent", `${text}consent: {is_required: false}\n`, 8, /without consent/],
])("when a policy has %s, then it is refused with its line", (_, broken, line, message) => {
  expect(() => parsePolicy(broken, "p.yaml")).toThrowError(message);
  try {
    parsePolicy(broken, "p.yaml");
  } catch (error) {
    expect(error).toMatchObject({ code: "policy.invalid", where: `p.yaml:${line}` });
  }
});
