package site

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The page says the server's policy itself, for hosts that send no headers; a
// <meta> has no frame-ancestors.
func TestThePageSaysThePolicyItself(t *testing.T) {
	html, err := os.ReadFile("../../../index.html")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`<meta http-equiv="Content-Security-Policy" content="([^"]*)">`).FindSubmatch(html)
	if m == nil {
		t.Fatal("index.html has no policy")
	}
	rules := func(p string) map[string]bool {
		set := map[string]bool{}
		for _, r := range strings.Split(p, ";") {
			set[strings.TrimSpace(r)] = true
		}
		delete(set, "frame-ancestors 'self'")
		return set
	}
	want, got := rules(policy), rules(string(m[1]))
	for r := range want {
		if !got[r] {
			t.Errorf("the page's policy lacks %q", r)
		}
	}
	for r := range got {
		if !want[r] {
			t.Errorf("the page's policy has %q beside the server's", r)
		}
	}
	if at := regexp.MustCompile(`(?i)<script(?:\s[^>]*)?>[^<]|\son\w+=|javascript:|<style|\sstyle=`).Find(html); at != nil {
		t.Errorf("index.html has inline code: %q", at)
	}
	if meta := strings.Index(string(html), "Content-Security-Policy"); meta > strings.Index(string(html), "<script") {
		t.Error("a script stands before the policy")
	}
}

// Nothing that the page loads makes code of text, listens to other windows, or
// names another host.
func TestScriptsMakeNoCodeAndHearNobody(t *testing.T) {
	files, err := filepath.Glob("../../../wasm/js/*js")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d scripts: %v", len(files), err)
	}
	forbidden := regexp.MustCompile("\\beval\\(|new Function|setTimeout\\(['\"`]|document\\.write|importScripts\\(['\"`]https?:|window\\.(?:addEventListener\\('message|onmessage)|\\.postMessage\\([^)]*, ?'\\*'")
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(f) == "frame.mjs" { // the one door: it tells any page that it is there, and nothing else
			b = bytes.Replace(b, []byte("window.parent.postMessage(here, '*')"), nil, 1)
		} else if at := regexp.MustCompile(`(?m)^\s*(?:window\.)?addEventListener\('message'`).Find(b); at != nil {
			t.Errorf("%s has %q: other windows are heard in frame.mjs alone", filepath.Base(f), at)
		}
		if at := forbidden.Find(b); at != nil {
			t.Errorf("%s has %q", filepath.Base(f), at)
		}
		for _, m := range regexp.MustCompile(`https?://[\w.-]+`).FindAllString(string(b), -1) {
			if !strings.HasPrefix(m, "http://www.w3.org") && !strings.Contains(m, "github.com") && !strings.Contains(m, "localhost") {
				t.Errorf("%s names %s", filepath.Base(f), m)
			}
		}
	}
}
