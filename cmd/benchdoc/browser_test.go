package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const twoMeasures = `{"measures": {
 "smollm2-text": {"title": "Text", "values": ["prefill", "decode"], "repeats": 3, "sides": [
  {"name": "handful", "samples": [{"prefill": 100, "decode": 20, "cpuMs": 900, "peakBytes": 400e6}, {"prefill": 90, "decode": 30, "cpuMs": null, "peakBytes": 500e6}, {"prefill": 130, "decode": 10}]},
  {"name": "other", "samples": [{"prefill": 200, "decode": 10}]}],
  "targets": [{"ours": "handful", "peer": "other", "value": "prefill", "reach": 1.3}, {"ours": "handful", "peer": "other", "value": "decode", "reach": 1.3},
   {"ours": "handful", "value": "peakBytes", "most": 450e6}]},
 "lora-step": {"title": "Step", "values": ["ms"], "repeats": 1, "sides": [
  {"name": "handful", "samples": [{"ms": 100, "peakBytes": 100e6}, {"ms": 200, "peakBytes": 100e6}]},
  {"name": "slow", "samples": [{"ms": 900, "peakBytes": 500e6}]}, {"name": "gone", "samples": [], "failed": "opening: no WebGPU adapter here"}],
  "targets": [{"ours": "handful", "peer": "slow", "value": "ms", "reach": 5}, {"ours": "handful", "peer": "slow", "value": "peakBytes", "most": 0.33}, {"ours": "handful", "peer": "gone", "value": "ms", "reach": 3}]}
}}`

func TestBrowserTables(t *testing.T) {
	var r browserReport
	if err := json.Unmarshal([]byte(twoMeasures), &r); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	r.tables(&b)
	got := b.String()
	at := 0
	for _, want := range []string{
		"| Step: handful | slow | 6.00 × as fast | ≥ 5 | reached |",
		"| Step: handful, peak memory | slow | 0.20 × the memory | ≤ 0.33 | reached |",
		"| Step: handful | gone | – | ≥ 3 | not measured |",
		"| Text: handful, read | other | 0.50 × as fast | ≥ 1.3 | **not reached** |",
		"| Text: handful, written | other | 2.00 × as fast | ≥ 1.3 | reached |",
		"| Text: handful, peak memory | – | 500 MB | ≤ 450 MB | **not reached** |",
		"| handful | 150 | 100 – 200 | – | 100 |",
		"| gone | – | – | – | – |",
		"gone was not measured to the end: opening: no WebGPU adapter here.",
		"| handful | 100 | 90 – 130 | 20 | 10 – 30 | 900 | 500 |",
	} {
		i := strings.Index(got[at:], want)
		if i < 0 {
			t.Fatalf("no %q after byte %d of\n%s", want, at, got)
		}
		at += i
	}
}

func TestQuickIsNotPublished(t *testing.T) {
	file := filepath.Join(t.TempDir(), "browser.json")
	for text, want := range map[string]string{`{"measures": {"lora-step": {"quick": true}}}`: "--quick", `{`: "unexpected end"} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := readBrowserReport(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q in it", text, err, want)
		}
	}
}

func TestBetweenMarkers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.md")
	page := "a\n" + marks[""].begin + "old\n" + marks[""].end + "b\n" + marks["browser"].begin + marks["browser"].end + "c\n"
	if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := rewrite(file, marks["browser"], []byte("new\n")); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if want := strings.Replace(page, marks["browser"].end, "new\n"+marks["browser"].end, 1); err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if err := rewrite(file, markers{"<none>", "<end>"}, nil); err == nil || !strings.Contains(err.Error(), "lacks the markers") {
		t.Errorf("got %v, want what is lacking", err)
	}
}
