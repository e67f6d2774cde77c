#!/usr/bin/env bash
# Fetches DuckDB's httpfs extension of the version that is installed, from PyPI, where DuckDB's makers put it for machines that reach no other place.
# Prints its path. Needs pip. The product never runs this: whoever encrypts a home does, or CI.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$(node --input-type=module -e 'import { version } from "@duckdb/node-api"; console.log(version().replace(/^v/, ""))')
folder=node_modules/.cache/inboxloop/duckdb-$version
file=$folder/httpfs.duckdb_extension
if [ ! -f "$file" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  pip download --quiet --no-deps --dest "$work" "duckdb-extension-httpfs==$version" >&2
  python3 - "$work" "$version" <<'PY'
import glob, sys, zipfile
work, version = sys.argv[1:]
wheel = zipfile.ZipFile(glob.glob(f"{work}/*.whl")[0])
data = wheel.read(f"duckdb_extension_httpfs/extensions/v{version}/httpfs.duckdb_extension")
open(f"{work}/httpfs.duckdb_extension", "wb").write(data)
PY
  mkdir -p "$folder"
  mv "$work/httpfs.duckdb_extension" "$file"
fi
realpath "$file"
