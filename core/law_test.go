//go:build !js

// Package core_test holds the laws of the whole library.
package core_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// layer orders the rooms: a package may import only rooms of a lower layer, or
// of its own.
var layer = map[string]int{
	"handful/core/fault":    0,
	"handful/core/version":  0,
	"handful/core/eval":     1,
	"handful/core/tensor":   1,
	"handful/core/graph":    2,
	"handful/core/device":   3,
	"handful/core/model":    4,
	"handful/core/skill":    4,
	"handful/core/format":   5,
	"handful/core/text":     4,
	"handful/core/route":    5,
	"handful/core/share":    6,
	"handful/core/task":     6,
	"handful/core/tune":     7,
	"handful/core/pretrain": 8,
	"handful/core/engine":   9,
	"handful/core":          10,
	"handful/shaders":       2,
	"handful/ui":            10,
	"handful/wasm":          10,
	"handful/cmd":           10,
	"handful/examples":      11,
}

// room is the longest known prefix of a package path.
func room(pkg string) string {
	for p := pkg; p != ""; {
		if _, ok := layer[p]; ok {
			return p
		}
		i := strings.LastIndexByte(p, '/')
		if i < 0 {
			return ""
		}
		p = p[:i]
	}
	return ""
}

func TestImportLaw(t *testing.T) {
	for _, env := range [][]string{nil, {"GOOS=js", "GOARCH=wasm"}} {
		cmd := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "handful/...")
		cmd.Env = append(cmd.Environ(), env...)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
			f := strings.Fields(line)
			from := room(f[0])
			if from == "" {
				t.Errorf("%s stands in no known room; name it in this test", f[0])
				continue
			}
			for _, to := range f[1:] {
				r := room(to)
				if !strings.HasPrefix(to, "handful/") || r == from {
					continue
				}
				if layer[r] >= layer[from] && !(to == "handful/wasm/rpc" && (from == "handful/ui" || from == "handful/cmd")) && !(to == "handful/wasm/calls" && from == "handful/cmd") && !(from == "handful/wasm" && r == "handful/ui") {
					t.Errorf("%s imports %s: %s may not know %s", f[0], to, from, r)
				}
				if from == "handful/ui" && r != "handful/core/fault" && r != "handful/wasm" {
					t.Errorf("%s imports %s: the page sees only wasm/rpc and core/fault", f[0], to)
				}
			}
			if strings.HasPrefix(f[0], "handful/core/") {
				for _, to := range f[1:] {
					if to == "syscall/js" && !strings.HasPrefix(f[0], "handful/core/device/") {
						t.Errorf("%s imports syscall/js: only core/device may", f[0])
					}
				}
			}
		}
	}
}

// TestBrowserPrograms keeps out of the browser what would double what a visitor
// waits for: templates call methods by name, so the linker drops none; the
// others stand for servers, plots and tests.
func TestBrowserPrograms(t *testing.T) {
	for _, program := range []string{"handful/wasm/engine", "handful/wasm/ui"} {
		cmd := exec.Command("go", "list", "-deps", program)
		cmd.Env = append(cmd.Environ(), "GOOS=js", "GOARCH=wasm")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		deps := strings.Fields(string(out))
		for _, heavy := range []string{"text/template", "html/template", "net/http", "encoding/xml", "testing", "gonum.org/v1/plot", "handful/core/device/devicetest"} {
			if slices.Contains(deps, heavy) {
				t.Errorf("%s links %s", program, heavy)
			}
		}
	}
}
