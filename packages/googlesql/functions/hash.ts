import { createHash } from "node:crypto";
import { fingerprint64 } from "farmhash-modern";
import type { FunctionLibrary } from "./contract.ts";
import { refuseAll, scalar, sig } from "./signature.ts";

const group = "hash";
const always = { cannotFail: true } as const;

export const hash: FunctionLibrary = {
  functions: [
    ...(["MD5", "SHA1", "SHA256"] as const).map((name) =>
      scalar(
        group,
        name,
        ["STRING", "BYTES"].map((type) => sig(type, "BYTES", (x) => `unhex(${name.toLowerCase()}(${x}))`)),
        always,
      ),
    ),
    scalar(
      group,
      "SHA512",
      [sig("STRING", "BYTES", (x) => `gs_sha512(encode(${x}))`), sig("BYTES", "BYTES", (x) => `gs_sha512(${x})`)],
      always,
    ),
    scalar(
      group,
      "FARM_FINGERPRINT",
      [
        sig("STRING", "INT64", (x) => `gs_farm_fingerprint(encode(${x}))`),
        sig("BYTES", "INT64", (x) => `gs_farm_fingerprint(${x})`),
      ],
      always,
    ),
    ...refuseAll("encryption", "keys and ciphers stay in BigQuery", [
      "AEAD.DECRYPT_BYTES",
      "AEAD.DECRYPT_STRING",
      "AEAD.ENCRYPT",
      "DETERMINISTIC_DECRYPT_BYTES",
      "DETERMINISTIC_DECRYPT_STRING",
      "DETERMINISTIC_ENCRYPT",
      "KEYS.ADD_KEY_FROM_RAW_BYTES",
      "KEYS.KEYSET_CHAIN",
      "KEYS.KEYSET_FROM_JSON",
      "KEYS.KEYSET_LENGTH",
      "KEYS.KEYSET_TO_JSON",
      "KEYS.NEW_KEYSET",
      "KEYS.NEW_WRAPPED_KEYSET",
      "KEYS.REWRAP_KEYSET",
      "KEYS.ROTATE_KEYSET",
      "KEYS.ROTATE_WRAPPED_KEYSET",
    ]),
  ],
  js: [
    {
      name: "gs_sha512",
      args: ["BLOB"],
      result: "BLOB",
      run: (bytes) =>
        new Uint8Array(
          createHash("sha512")
            .update(bytes as Uint8Array)
            .digest(),
        ),
    },
    {
      name: "gs_farm_fingerprint",
      args: ["BLOB"],
      result: "BIGINT",
      run: (bytes) => BigInt.asIntN(64, fingerprint64(bytes as Uint8Array)),
    },
  ],
};
