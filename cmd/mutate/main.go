// Mutate breaks lines that matter, one at a time, and runs the tests that must
// notice: a test that passes when its subject is broken tests nothing.
//
//	go run ./cmd/mutate [NUMBER...]
//
// The tree is not touched: Go takes the broken file by -overlay.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("mutate: ")
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		log.Fatal(err)
	}
	missed := 0
	for i, m := range list {
		if n := strconv.Itoa(i + 1); len(os.Args) > 1 && !slices.Contains(os.Args[1:], n) {
			continue
		}
		what := fmt.Sprintf("%2d %s: %q", i+1, m.file, strings.TrimSpace(m.from))
		switch caught, err := try(dir, m); {
		case err != nil:
			log.Printf("%s: %v", what, err)
			missed++
		case !caught:
			log.Printf("%s is not missed by %s of %s", what, m.tests, m.pkg)
			missed++
		default:
			fmt.Println("ok", what)
		}
	}
	os.RemoveAll(dir)
	if missed > 0 {
		log.Fatalf("%d of %d are not noticed", missed, len(list))
	}
}

// try tells whether the tests fail, as tests, with the line broken, and pass
// without.
func try(dir string, m mutation) (caught bool, err error) {
	src, err := os.ReadFile(m.file)
	if err != nil {
		return false, err
	}
	if n := strings.Count(string(src), m.from); n == 0 {
		return false, fmt.Errorf("the line is gone: choose another")
	}
	broken := filepath.Join(dir, filepath.Base(m.file))
	if err := os.WriteFile(broken, []byte(strings.Replace(string(src), m.from, m.to, 1)), 0o600); err != nil {
		return false, err
	}
	at, err := filepath.Abs(m.file)
	if err != nil {
		return false, err
	}
	b, err := json.Marshal(map[string]any{"Replace": map[string]string{at: broken}})
	if err != nil {
		return false, err
	}
	overlay := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, b, 0o600); err != nil {
		return false, err
	}
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Minute)
	defer stop()
	out, err := exec.CommandContext(ctx, "go", "test", "-overlay", overlay, "-vet=off", "-timeout", "5m", "-run", m.tests, "./"+m.pkg).CombinedOutput()
	switch said := string(out); {
	case err == nil:
		return false, nil
	case strings.Contains(said, "[build failed]") || strings.Contains(said, "[setup failed]"):
		return false, fmt.Errorf("it does not build:\n%s", said)
	case !strings.Contains(said, "--- FAIL") && !strings.Contains(said, "panic:"):
		return false, fmt.Errorf("no test ran:\n%s", said)
	}
	return true, nil
}
