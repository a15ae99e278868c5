#!/bin/sh
# Builds the Python package, with the page's engine and the pocket model in it:
#   scripts/wheel.sh dist/site dist
# The site is what scripts/site.sh has laid out. Needs Python 3 with pip.
set -eu
site=${1:?usage: scripts/wheel.sh SITE FOLDER}
out=${2:?usage: scripts/wheel.sh SITE FOLDER}
cd "$(dirname "$0")/.."
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir -p "$stage/handful/static"
cp LICENSE THIRD_PARTY.md notebook/pyproject.toml "$stage/"
go run ./cmd/dist version >"$stage/VERSION"
cp docs/notebooks.md "$stage/README.md"
cp notebook/handful/*.py notebook/handful/*.js notebook/handful/*.css "$stage/handful/"
for f in engine.wasm.gz build.js program.mjs store.mjs models.mjs crew.mjs gpu-shim.js wasm_exec.js engine-worker.js; do
	cp "$site/$f" "$stage/handful/static/"
done
for f in base inventory; do
	mkdir -p "$stage/handful/static/pocket/$f"
	cp "assets/pocket/$f"/* "$stage/handful/static/pocket/$f/"
done
rm -f "$out"/handful-*.whl
python3 -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$out" "$stage"
du -h "$out"/handful-*.whl
