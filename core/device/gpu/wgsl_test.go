package gpu_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"handful/core/device"
	"handful/core/device/gpu"
	"handful/core/fault"
)

// validators check WGSL: Tint is Chromium's compiler, Naga is Firefox's.
var validators = []struct {
	name string
	args []string // before the file
}{{"tint", []string{"--format", "wgsl"}}, {"naga", nil}}

// Halves are widened by hand: no shader asks for the extension that some
// adapters lack.
func TestFault04NoShaderWantsHalves(t *testing.T) {
	files, err := filepath.Glob("../../../shaders/*.wgsl")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d shaders: %v", len(files), err)
	}
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if m := regexp.MustCompile(`enable |\bf16\b.*[(:<]`).Find(src); m != nil {
			t.Errorf("%s has %q", f, m)
		}
	}
}

// A shader that does not compile is a fault by its name, and leaves nothing.
func TestFault09ABrokenShaderIsNamed(t *testing.T) {
	d := open(t, device.Options{Family: "register"}).(*gpu.Device)
	before := d.Counts()
	for what, src := range map[string]string{"no WGSL": "this is no shader", "an unknown name": "@compute @workgroup_size(1) fn main() { y = 1; }"} {
		if err := d.TryShader("broken kernel", src); !fault.Is(err, fault.Bug) || !strings.Contains(err.Error(), "shader broken kernel: ") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if d.Counts() != before {
		t.Errorf("objects %+v, before %+v", d.Counts(), before)
	}
}

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
