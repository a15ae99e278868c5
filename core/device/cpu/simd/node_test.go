//go:build !js

package simd

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestInNode runs this package's js/wasm tests, which need a host with
// WebAssembly SIMD: everything in *_js_test.go. With SIMD_BENCH set to a
// pattern (-v shows the result) it runs the benchmarks in their place.
func TestInNode(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("SKIPPED: no node here, so no kernel has been run")
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatalf("go env GOROOT: %v", err)
	}
	lib := filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm")
	args := []string{"test", "-count=1", "-v", "-exec", node + " testdata/run.mjs " + lib}
	if bench := os.Getenv("SIMD_BENCH"); bench != "" {
		args = append(args, "-run", "^$", "-bench", bench, "-benchtime", "1x")
	}
	cmd := exec.Command("go", append(args, ".")...)
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("the tests in Node: %v\n%s", err, out)
	}
	if os.Getenv("SIMD_BENCH") == "" && !strings.Contains(string(out), "--- PASS: TestGemm/plain") {
		t.Fatalf("Node ran no kernel:\n%s", out)
	}
	t.Logf("%s", out)
}
