#!/bin/sh
# Lays the whole page into a folder: scripts/site.sh dist/site
# Downloads nothing but the Go modules that go.mod names. Models that are
# already there stay.
set -eu
out=${1:?usage: scripts/site.sh FOLDER}
cd "$(dirname "$0")/.."
mkdir -p "$out"
find "$out" -mindepth 1 -maxdepth 1 ! -name models -exec rm -rf {} +
wasm/build.sh "$out"
cp index.html LICENSE THIRD_PARTY.md "$out/"
touch "$out/.nojekyll" # GitHub Pages is to leave the files as they are
for item in assets/*; do
	case $item in
	*/README.md) ;;
	*) cp -R "$item" "$out/" ;;
	esac
done
mkdir -p "$out/models"
[ -f "$out/models/manifest.json" ] || echo '[]' >"$out/models/manifest.json"
[ -f "$out/models/embed.json" ] || echo '{"origins": []}' >"$out/models/embed.json"
go run ./cmd/docs "$out/docs"
go run ./wasm/stamp "$out"
# Compressed twins, which the server sends to browsers that take them.
find "$out" -path "$out/models" -prune -o -type f \
	\( -name '*.wasm' -o -name '*.js' -o -name '*.mjs' -o -name '*.css' -o -name '*.svg' -o -name '*.html' -o -name '*.json' -o -name '*.jsonl' -o -name '*.webmanifest' \) \
	-size +1k -exec gzip -9 -n -k -f {} +
