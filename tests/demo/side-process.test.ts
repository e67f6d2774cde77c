import { afterEach, expect, test } from "vitest";
import { SideProcess } from "../../demo/side-process.ts";
import { UserError } from "../../errors/user-error.ts";
import type { EchoRequest } from "./echo-process.ts";

const opened: SideProcess<EchoRequest, { readonly heard: string }>[] = [];
const open = (signal = new AbortController().signal) => {
  const side = new SideProcess<EchoRequest, { readonly heard: string }>("./echo-process", import.meta.url, 64, signal);
  opened.push(side);
  return side;
};
afterEach(async () => {
  for (const side of opened.splice(0)) await side.close();
});

test("when several things are asked at once then each is answered in its turn, with what was said on the way", async () => {
  const side = open();
  const heard: string[] = [];
  const note = ({ heard: text }: { readonly heard: string }) => heard.push(text);
  const answers = await Promise.all([
    side.ask({ kind: "echo", text: "one", afterMs: 50 }, note),
    side.ask({ kind: "echo", text: "two" }, note),
  ]);
  expect(answers).toEqual([
    { text: "one", bytes: new Uint8Array([1, 2]) },
    { text: "two", bytes: new Uint8Array([1, 2]) },
  ]);
  expect(heard).toEqual(["one", "two"]);
});

test("when it refuses then the error comes back as it was raised, and the next request is served", async () => {
  const side = open();
  const error = await side.ask({ kind: "refuse" }).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(UserError);
  expect(error).toMatchObject({
    message: "not today",
    code: "echo.refused",
    exit: "config",
    where: "here",
    next: "ask tomorrow",
  });
  expect(await side.ask({ kind: "echo", text: "still here" })).toMatchObject({ text: "still here" });
});

test("when it dies at its work then the one who asked is told", async () => {
  await expect(open().ask({ kind: "die" })).rejects.toThrow(/ended before its work was done/);
});

test("when the run is interrupted then so is what it is at, and nothing more is begun", async () => {
  const interruption = new AbortController();
  const side = open(interruption.signal);
  const under = side.ask({ kind: "echo", text: "long", afterMs: 60_000 }, () =>
    interruption.abort(new Error("enough")),
  );
  const waiting = side.ask({ kind: "echo", text: "never" });
  await expect(under).rejects.toThrow("enough");
  await expect(waiting).rejects.toThrow("enough");
});

test("when it was closed then the next request starts another one", async () => {
  const side = open();
  expect(await side.ask({ kind: "echo", text: "first" })).toMatchObject({ text: "first" });
  await side.close();
  expect(await side.ask({ kind: "echo", text: "second" })).toMatchObject({ text: "second" });
});
