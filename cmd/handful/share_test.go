package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// scored scores rows with an adapter.
func scored(t *testing.T, rows string, args ...string) float64 {
	t.Helper()
	var s struct {
		Loss float64 `json:"loss"`
	}
	o := good(t, append([]string{"score", "--device", "cpu", "--base", golden, "--examples", rows, "--json"}, args...)...)
	if err := json.Unmarshal([]byte(o.stdout), &s); err != nil {
		t.Fatal(err)
	}
	return s.Loss
}

// What share prints or writes is an adapter like the folder it is of.
func TestShare(t *testing.T) {
	rows, dir, inv := goldenRows(t, 6), t.TempDir(), golden+"/s4/adapter_init"
	out := func(name string) string { return filepath.Join(dir, name) }
	for _, method := range []string{"z", "mu"} {
		good(t, "adapt", "--device", "cpu", "--base", golden, "--inventory", inv, "--examples", rows, "--method", method, "--router-lr", "0.5", "--steps", "4", "--warmup", "0", "--out", out(method))
		file := out(method + ".handful")
		if o := good(t, "share", "--adapter", out(method), "--out", file, "--name", "mine"); strings.TrimSpace(o.stdout) != file {
			t.Errorf("stdout %q, want the file's path", o.stdout)
		}
		want := scored(t, rows, "--adapter", out(method))
		if got := scored(t, rows, "--adapter", file, "--inventory", inv); got != want {
			t.Errorf("%s: the file's loss is %v, want %v", method, got, want)
		}
	}
	code := strings.TrimSpace(good(t, "share", "--adapter", out("z"), "--name", "mine\x1b[31m", "--instruction", "Do it.").stdout)
	if !strings.HasPrefix(code, "h1.") || len(code) > 8000 {
		t.Fatalf("%d characters: %.40q", len(code), code)
	}
	want := scored(t, rows, "--adapter", out("z"))
	if got := scored(t, rows, "--adapter", code, "--inventory", inv); math.Abs(got-want) > 1e-3 {
		t.Errorf("the code's loss is %v, want %v", got, want)
	}
	o := good(t, "share", "--adapter", code, "--page", "https://page.test/handful/#old", "--name", "yours")
	if !strings.HasPrefix(o.stdout, "https://page.test/handful/#h1.") || !strings.Contains(o.stderr, "weights within 1/255") {
		t.Errorf("got %.60q and %q", o.stdout, o.stderr)
	}
	if o := good(t, "inspect", strings.TrimSpace(o.stdout)); !strings.Contains(o.stdout, "yours") || !strings.Contains(o.stdout, "14 sites × 4 heads × 4 skills, within 1/255") || !strings.Contains(o.stdout, "Do it.") {
		t.Errorf("inspect: %s", o.stdout)
	}
	var s struct {
		Kind string
		Card struct{ Name, Method string }
	}
	if err := json.Unmarshal([]byte(good(t, "inspect", "--json", out("mu.handful")).stdout), &s); err != nil || s.Kind != "shared" || s.Card.Name != "mine" || s.Card.Method != "mu" {
		t.Errorf("inspect --json: %+v, %v", s, err)
	}
	text := string(read(t, out("z")+"/routing.json"))
	if !strings.Contains(text, `"base":{"name":`) || !strings.Contains(text, `"inventory":{"name":`) {
		t.Error("routing.json does not name base and inventory")
	}

	write(t, out("bare/routing.json"), `{"method":"z"}`)
	write(t, out("none/adapter_config.json"), "{}")
	changed := []byte(code)
	changed[90] ^= 2
	for _, c := range []struct {
		status int
		word   string
		args   []string
	}{
		{2, "share wants --adapter", []string{"share"}},
		{2, "--page: got", []string{"share", "--adapter", out("z"), "--page", "here"}},
		{2, "--page goes with", []string{"share", "--adapter", out("z"), "--page", "http://x.test/", "--out", out("x")}},
		{1, "learns more than fits", []string{"share", "--adapter", out("mu")}},
		{1, "no such file", []string{"share", "--adapter", out("nothing")}},
		{1, "does not name the base", []string{"share", "--adapter", out("bare")}},
		{1, "routing.json: missing", []string{"share", "--adapter", out("none")}},
		{1, "no such file", []string{"share", "--adapter", out("z"), "--out", out("no/folder.handful")}},
		{1, "missing or changed", []string{"inspect", string(changed)}},
		{1, `"about" is no fine-tune`, []string{"score", "--base", golden, "--examples", rows, "--adapter", "https://page.test/#about"}},
		{1, "format 7, want 1", []string{"inspect", "h7.AAAA"}},
		{1, "got none", []string{"score", "--device", "cpu", "--base", golden, "--examples", rows, "--adapter", code}},
		{1, "made with the skills", []string{"score", "--device", "cpu", "--base", golden, "--inventory", out("z"), "--examples", rows, "--adapter", code}},
	} {
		bad(t, c.status, []string{c.word}, c.args...)
	}
	if _, err := os.Stat(out("no")); err == nil {
		t.Error("a failed --out made a folder")
	}
}
