#!/bin/sh
# Builds the browser's programs and lays the scripts beside them:
#   wasm/build.sh dist/site
# Needs only Go, and the modules that go.mod names. The same source and the same
# Go give the same bytes: no path and no commit goes in.
set -eu
out=${1:?usage: wasm/build.sh FOLDER}
cd "$(dirname "$0")/.."
mkdir -p "$out"

# build PROGRAM PACKAGES: these, which nothing computes with, are compiled without
# inlining. It takes a twelfth off what is downloaded.
build() {
	program=$1
	shift
	for package in "$@"; do set -- "$@" "-gcflags=$package=-l"; shift; done
	GOOS=js GOARCH=wasm go build -trimpath -buildvcs=false -ldflags='-s -w' "$@" -o "$out/$program.wasm" "./wasm/$program"
}
build ui all
build engine archive/zip encoding/csv encoding/json fmt log/... reflect regexp/... time github.com/... golang.org/... handful/wasm/... \
	handful/core/engine handful/core/format/... handful/core/model handful/core/route handful/core/share handful/core/skill handful/core/task handful/core/tune
cp "$(go env GOROOT)/lib/wasm/wasm_exec.js" wasm/js/*.js wasm/js/*.mjs wasm/js/*.d.ts "$out/"
