import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readModelCases } from "../../../../warehouse/dataform/testing/case-files.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "inboxloop-cases-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const write = async (files: Readonly<Record<string, string>>) => {
  const dir = join(root, "orders", "works");
  await mkdir(dir, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text);
};

describe("readModelCases", () => {
  test("when a folder has all the files, they make one case; whole numbers keep every digit and times stay text", async () => {
    await write({
      "inputs.yaml": "raw.orders:\n  - { id: 9007199254740993, at: 2026-03-01T10:00:00Z }\nraw.none:\n",
      "batches.yaml": "- raw.orders: [{ id: 2 }]\n",
      "prior.yaml": "- { id: 0 }\n",
      "vars.yaml": "as_of: 2026-03-01\nlimit: 3\n",
      "expect.yaml": "query: []\ntable: { rows: [{ id: 1 }], ordered: true }\nlatest: [{ id: 1 }]\n",
    });
    expect(await readModelCases(root)).toEqual([
      {
        model: "orders",
        name: "works",
        dir: join(root, "orders", "works"),
        batches: [
          { "raw.orders": [{ id: 9007199254740993n, at: "2026-03-01T10:00:00Z" }], "raw.none": [] },
          { "raw.orders": [{ id: 2n }] },
        ],
        prior: [{ id: 0n }],
        vars: { as_of: "2026-03-01", limit: "3" },
        expect: [
          { of: "query", name: "query", rows: [], isOrdered: false },
          { of: "table", name: "table", rows: [{ id: 1n }], isOrdered: true },
          { of: "cte", name: "latest", rows: [{ id: 1n }], isOrdered: false },
        ],
      },
    ]);
  });

  test.each([
    ["YAML that cannot be read", { "expect.yaml": "query:\n  - { id: [1 }\n" }, /expect\.yaml:2:/],
    ["rows that are no rows", { "expect.yaml": "query:\n  - id: 1\n  - 7\n" }, /expect\.yaml/],
    ["a file of another name", { "expected.yaml": "query: []\n" }, /expected\.yaml/],
    ["nothing expected", { "inputs.yaml": "{}\n" }, /expect\.yaml/],
  ])("when there is %s, the error says where", async (_what, files, where) => {
    await write(files);
    await expect(readModelCases(root)).rejects.toMatchObject({
      code: "test.file",
      where: expect.stringMatching(where),
    });
  });

  test("when there are no tests, there are none", async () => {
    expect(await readModelCases(join(root, "nowhere"))).toEqual([]);
  });
});
