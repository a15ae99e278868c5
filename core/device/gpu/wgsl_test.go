package gpu_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"handful/core/device/gpu"
)

// validators check WGSL: Tint is Chromium's compiler, Naga is Firefox's.
var validators = []struct {
	name string
	args []string // before the file
}{{"tint", []string{"--format", "wgsl"}}, {"naga", nil}}

// validate has every shader that d has compiled checked by the validators that
// are installed; which one is missing is told.
func validate(t *testing.T, d *gpu.Device) {
	t.Helper()
	sources := d.Sources()
	if len(sources) == 0 {
		t.Fatal("no shader was compiled")
	}
	file := filepath.Join(t.TempDir(), "kernel.wgsl")
	for _, v := range validators {
		path, err := exec.LookPath(v.name)
		if err != nil {
			t.Logf("SKIPPED: %d shaders are not checked by %s, which is not installed", len(sources), v.name)
			continue
		}
		for src, name := range sources {
			if err := os.WriteFile(file, []byte(src), 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command(path, append(v.args, file)...).CombinedOutput(); err != nil {
				t.Errorf("%s refuses %s: %s\n%s", v.name, name, out, src)
			}
		}
		t.Logf("%s: %d shaders are valid", v.name, len(sources))
	}
}
