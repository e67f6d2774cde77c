import type { RegisterCommand } from "../command.ts";
import { governanceOf } from "../deciding.ts";

export const register: RegisterCommand = (program, environment) => {
  const noun = program
    .command("keys")
    .description("Keys of the people who decide, the key that ids are made with, and the key of the home");

  noun
    .command("person <name>")
    .description("Make a person known: a key to sign decisions with, and roles that say which")
    .requiredOption(
      "--role <role>",
      "a role of governance/rights.yaml: modeller, approver, on-call ...; repeatable",
      (role: string, before: readonly string[] | undefined) => [...(before ?? []), role],
    )
    .option("--public-key <file>", "an Ed25519 key that the person has already (id_ed25519.pub); none is made")
    .option("--keys <dir>", "where a new private key goes (default: state/keys of the home)")
    .action(async (person: string, options: { role: readonly string[]; publicKey?: string; keys?: string }) => {
      const { join } = await import("node:path");
      const { readFile } = await import("node:fs/promises");
      const { enrol } = await import("../../release/control/enrol.ts");
      const { publicKeyOf } = await import("../../release/control/person-key.ts");
      const world = environment();
      const line = options.publicKey === undefined ? undefined : await readFile(options.publicKey, "utf8");
      const found = await enrol({
        person,
        roles: options.role,
        governance: governanceOf(world),
        keys: options.keys ?? join(world.home.state, "keys"),
        publicKey:
          line === undefined ? undefined : publicKeyOf(Buffer.from(line.trim().split(/\s+/)[1] ?? "", "base64")),
      });
      world.console.result(found, () =>
        [
          `${found.person} ${found.fingerprint}`,
          `roles  ${found.roles.join(", ")}`,
          ...(found.keyFile ? [`key    ${found.keyFile}`, `next   export INBOXLOOP_KEY=${found.keyFile}`] : []),
        ].join("\n"),
      );
    });

  noun
    .command("rotate")
    .description("After a new id key was put first: make known that people are the same under it")
    .requiredOption(
      "--addresses <file>",
      "the sender's own list of addresses or ids, one a line; the warehouse has none",
    )
    .option("--dry-run", "count what would be linked, and land nothing", false)
    .addHelpText(
      "after",
      "\nLands a link from each id known under a former key to the new one, and what stands against mail to it. Until\nthen people heard of under the new key are strangers, to whom nothing is sent.\n\nExample:\n  export INBOXLOOP_ID_KEY=v2:hex:$(openssl rand -hex 32),$INBOXLOOP_ID_KEY\n  inboxloop keys rotate --addresses all.txt && inboxloop build\n",
    )
    .action(async (options: { addresses: string; dryRun: boolean }) => {
      const { rotateCommand } = await import("./keys/rotate.ts");
      const world = environment();
      const done = await rotateCommand(world, options);
      world.console.result(done, () =>
        [
          `${done.known} of ${done.addresses} addresses are known under a former key: ${done.links} links, ${done.suppressions} suppressions ${done.state}`,
          ...(done.state === "landed" ? ["next  inboxloop build"] : []),
        ].join("\n"),
      );
    });

  const home = noun
    .command("home")
    .description("Encryption of the home under a key that is not in it")
    .addHelpText(
      "after",
      "\nThe key is INBOXLOOP_HOME_KEY, or what INBOXLOOP_HOME_KEY_COMMAND writes (age, a KMS, pass). What is encrypted, and what it\nneeds of DuckDB: docs/reference/encryption.md\n\nExample:\n  export INBOXLOOP_HOME_KEY=v1:hex:$(openssl rand -hex 32)\n  inboxloop keys home make --home /srv/inboxloop\n",
    );

  home
    .command("make")
    .description("Make a new home whose files are encrypted (one that is there: keys home seal)")
    .action(async () => {
      const { makeSealedHome } = await import("../../platform/home-seal.ts");
      const { refuseMissingCrypto } = await import("../../warehouse/duckdb/sealed-engine.ts");
      const world = environment();
      await refuseMissingCrypto();
      const made = await makeSealedHome(world.home.root);
      world.console.result(made, () => `home        ${made.root}\nencrypted   under ${made.wrapped_by}`);
    });

  home
    .command("rotate")
    .description("Wrap the home's data key under the first key of INBOXLOOP_HOME_KEY; no data is written again")
    .addHelpText(
      "after",
      "\nExample:\n  export INBOXLOOP_HOME_KEY=v2:hex:$(openssl rand -hex 32),$INBOXLOOP_HOME_KEY\n  inboxloop keys home rotate\n\nAfterwards the former key opens nothing here any more and can go from the setting. Backups of home-key.json still\nopen under it.\n",
    )
    .action(async () => {
      const { rotateHomeKey } = await import("../../platform/home-seal.ts");
      const world = environment();
      const done = await rotateHomeKey(world.home.root);
      world.console.result(
        done,
        () => `home        ${done.root}\nencrypted   under ${done.wrapped_by}, before under ${done.before}`,
      );
    });

  home
    .command("seal")
    .description(
      "Encrypt the home that is there, in place; one that is encrypted: the stores that it still has in clear",
    )
    .option("--dry-run", "say what would be written, and change nothing", false)
    .addHelpText(
      "after",
      "\nStop everything that uses the home first. The encrypted home is written beside the one in clear and read through; then\nit takes its place, and what was in clear is removed. It may be killed anywhere and begun again. It wants as much free\nspace as the home has. Reports in the home are removed.\n\nExample:\n  export INBOXLOOP_HOME_KEY=v1:hex:$(openssl rand -hex 32)\n  inboxloop keys home seal --dry-run\n  inboxloop keys home seal\n",
    )
    .action(async (options: { dryRun: boolean }) => {
      const { sealCommand, sealText } = await import("./keys/seal.ts");
      const world = environment();
      const done = await sealCommand(world, options);
      world.console.result(done, () => sealText(done));
    });

  home
    .command("show")
    .description("Whether the home is encrypted, and under which key by its name")
    .action(async () => {
      const { sealedState } = await import("../../platform/home-seal.ts");
      const world = environment();
      const state = sealedState(world.home.root);
      world.console.result(state, () =>
        [
          `home        ${state.root}`,
          `encrypted   ${state.wrapped_by === null ? "no: everything in it is in clear but the spool and dead letters" : `under ${state.wrapped_by}`}`,
        ].join("\n"),
      );
    });
};
