package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"handful/core/version"
)

// module are the scripts of the ES module, from wasm/js.
var module = []string{"handful.mjs", "handful.d.ts", "engine-worker.js", "crew.mjs", "crew-worker.js", "frame.mjs", "gpu-shim.js", "inputs.mjs", "models.mjs", "program.mjs",
	"rpc.mjs", "store.mjs", "node/node.mjs", "node/thread.mjs"}

// npm lays the package into dir: scripts, the engine from the built page, and
// the pocket model, so that a first try needs no download.
func npm(dir, site string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	files := map[string]string{"README.md": "wasm/js/README.md", "LICENSE": "LICENSE", "THIRD_PARTY.md": "THIRD_PARTY.md", "CHANGELOG.md": "CHANGELOG.md",
		"engine.wasm": site + "/engine.wasm", "wasm_exec.js": site + "/wasm_exec.js"}
	for _, f := range module {
		files[f] = "wasm/js/" + f
	}
	for to, from := range files {
		if err := copied(filepath.Join(dir, to), from); err != nil {
			return fmt.Errorf("%w: run `make build`", err)
		}
	}
	if err := os.CopyFS(filepath.Join(dir, "pocket"), os.DirFS("assets/pocket")); err != nil {
		return err
	}
	build := fmt.Sprintf("globalThis.handfulBuild = { id: 'dev', version: '%s', files: {} };\n", version.Number)
	if err := os.WriteFile(filepath.Join(dir, "build.js"), []byte(build), 0o644); err != nil {
		return err
	}
	text, err := json.MarshalIndent(manifest(), "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "package.json"), append(text, '\n'), 0o644)
}

func copied(to, from string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(path.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o644)
}

// manifest is package.json. Node takes the module that knows paths; bundlers
// for pages know that condition too, but do not set it.
func manifest() any {
	type entry struct {
		Types   string `json:"types"`
		Node    string `json:"node"`
		Default string `json:"default"`
	}
	return struct {
		Name        string         `json:"name"`
		Version     string         `json:"version"`
		Description string         `json:"description"`
		License     string         `json:"license"`
		Type        string         `json:"type"`
		Types       string         `json:"types"`
		Exports     map[string]any `json:"exports"`
		Engines     any            `json:"engines"`
		Keywords    []string       `json:"keywords"`
	}{
		"handful", version.Number, "Adapts a small language model to your own task from a handful of examples, in the browser or on Node", "Apache-2.0",
		"module", "./handful.d.ts",
		map[string]any{".": entry{"./handful.d.ts", "./node/node.mjs", "./handful.mjs"}, "./engine.wasm": "./engine.wasm", "./engine-worker.js": "./engine-worker.js", "./pocket/*": "./pocket/*", "./package.json": "./package.json"},
		map[string]string{"node": ">=20"},
		[]string{"fine-tuning", "lora", "peft", "webgpu", "wasm", "few-shot", "language-model"},
	}
}
