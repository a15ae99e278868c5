#!/bin/sh
# Builds the browser's programs and lays the scripts beside them:
#   wasm/build.sh dist/site
# Needs only Go, and the modules that go.mod names. The same source and the same
# Go give the same bytes: no path and no commit goes in.
set -eu
out=${1:?usage: wasm/build.sh FOLDER}
cd "$(dirname "$0")/.."
mkdir -p "$out"
for program in engine ui; do
	GOOS=js GOARCH=wasm go build -trimpath -buildvcs=false -ldflags='-s -w' -o "$out/$program.wasm" "./wasm/$program"
done
cp "$(go env GOROOT)/lib/wasm/wasm_exec.js" wasm/js/*.js wasm/js/*.mjs wasm/js/*.d.ts "$out/"
