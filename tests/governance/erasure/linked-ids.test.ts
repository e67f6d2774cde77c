import { expect, test } from "vitest";
import { linkedIds } from "../../../governance/erasure/linked-ids.ts";

const link = (left: string, right: string, at: number, more: Record<string, unknown> = {}) => ({
  left_id: left,
  right_id: right,
  link_kind: "login",
  linked_at: at,
  is_linked: true,
  ...more,
});
const nobody: ReadonlySet<string> = new Set();

test("when ids are linked through others then all of them are the person", () => {
  const links = [link("a", "b", 1), link("c", "b", 2), link("d", "c", 3), link("x", "y", 4)];
  expect(linkedIds(["a"], links, nobody)).toEqual({ ids: ["a", "b", "c", "d"], held: {} });
});

test("when a link was taken back then what lies behind it is somebody else", () => {
  const links = [
    link("a", "b", 1),
    link("b", "c", 1),
    link("b", "a", 2, { is_linked: false }),
    link("a", "e", 1, { link_kind: "form" }),
    link("a", "e", 2, { link_kind: null, is_linked: false }),
    link("a", "f", 1),
    link("a", "f", 2, { is_linked: false }),
    link("a", "f", 3),
  ];
  expect(linkedIds(["a"], links, nobody).ids).toEqual(["a", "f"]);
});

test("when an id is a role's address or a shared device then it is not followed and counted", () => {
  const accounts = new Set(["a", "b", "c", "d", "e"]);
  const device = ["a", "b", "c", "d"].map((id) => link(id, "device", 1));
  const links = [
    ...device,
    link("a", "info", 1, { right_is_role: true }),
    link("info", "e", 1, { left_is_role: true }),
  ];
  expect(linkedIds(["a"], links, accounts)).toEqual({ ids: ["a"], held: { shared_device: 1, role_address: 1 } });
  expect(linkedIds(["device"], links, accounts).ids).toEqual(["device"]);
});

test("when links would make one person of too many ids then only those asked for are meant", () => {
  const links = Array.from({ length: 60 }, (_, n) => link(`i${n}`, `i${n + 1}`, n));
  const { ids, held } = linkedIds(["i0"], links, nobody);
  expect(ids).toEqual(["i0"]);
  expect(held["too_many_ids"]).toBeGreaterThan(49);
});
