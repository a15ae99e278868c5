package site

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// page lays out a small site and serves it.
func page(t *testing.T, allow ...string) http.Handler {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "site")
	for name, text := range map[string]string{
		"index.html": "<!doctype html>", "engine.wasm": "plain wasm", "engine.wasm.gz": "packed wasm", "page.mjs": "export {}",
		"app.webmanifest": "{}", "models/base.gguf": "0123456789", "inventory/a/index.html": "below", ".hidden": "secret", "../outside": "secret",
	} {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../outside", filepath.Join(dir, "link")); err != nil {
		t.Logf("no symbolic links here: %v", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return Handler(root, allow)
}

// ask sends a request with "Name: value" headers; Host: is one of them.
func ask(h http.Handler, method, path string, headers ...string) *http.Response {
	r := httptest.NewRequest(method, "http://127.0.0.1:8080/", nil)
	r.URL.Path = path
	for _, l := range headers {
		name, value, _ := strings.Cut(l, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFiles(t *testing.T) {
	h := page(t)
	for _, c := range []struct {
		path   string
		status int
		kind   string
		body   string
	}{
		{"/", 200, "text/html; charset=utf-8", "<!doctype html>"},
		{"/index.html", 200, "text/html; charset=utf-8", "<!doctype html>"},
		{"/engine.wasm", 200, "application/wasm", "plain wasm"},
		{"/page.mjs", 200, "text/javascript; charset=utf-8", "export {}"},
		{"/app.webmanifest", 200, "application/manifest+json", "{}"},
		{"/models/base.gguf", 200, "application/octet-stream", "0123456789"},
		{"/inventory/a/", 200, "text/html; charset=utf-8", "below"},
		{"/inventory/../page.mjs", 200, "text/javascript; charset=utf-8", "export {}"},
		{"/models", 404, "", ""},
		{"/models/", 404, "", ""},
		{"/nothing", 404, "", ""},
		{"/.hidden", 404, "", ""},
		{"/../outside", 404, "", ""},
		{"/models/../../outside", 404, "", ""},
		{`/..\outside`, 404, "", ""},
		{"/link", 404, "", ""},
		{"/index.html\x00", 404, "", ""},
		{"", 404, "", ""},
	} {
		r := ask(h, "GET", c.path)
		if r.StatusCode != c.status {
			t.Errorf("%q: status %d, want %d", c.path, r.StatusCode, c.status)
			continue
		}
		if got := body(t, r); c.status == 200 && (got != c.body || r.Header.Get("Content-Type") != c.kind) {
			t.Errorf("%q: %q of type %q, want %q of %q", c.path, got, r.Header.Get("Content-Type"), c.body, c.kind)
		} else if strings.Contains(got, "secret") {
			t.Errorf("%q: leaks", c.path)
		}
	}
}

func TestMethods(t *testing.T) {
	h := page(t)
	for method, want := range map[string]int{"GET": 200, "HEAD": 200, "POST": 405, "PUT": 405, "DELETE": 405, "OPTIONS": 405, "TRACE": 405} {
		r := ask(h, method, "/")
		if r.StatusCode != want {
			t.Errorf("%s: status %d, want %d", method, r.StatusCode, want)
		}
		if want == 405 && r.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: Allow %q", method, r.Header.Get("Allow"))
		}
		if method == "HEAD" && body(t, r) != "" {
			t.Error("HEAD has a body")
		}
	}
}

func TestHosts(t *testing.T) {
	h := page(t, "Handful.example", "192.168.1.5")
	for host, want := range map[string]int{
		"127.0.0.1:8080": 200, "localhost:9": 200, "LOCALHOST": 200, "[::1]:8080": 200, "::1": 200, "handful.example:80": 200, "192.168.1.5:8080": 200,
		"evil.example": 403, "evil.example:8080": 403, "127.0.0.1.evil.example": 403, "localhost.evil.example": 403, "192.168.1.6": 403, "": 403,
	} {
		if r := ask(h, "GET", "/", "Host: "+host); r.StatusCode != want {
			t.Errorf("host %q: status %d, want %d", host, r.StatusCode, want)
		}
	}
}

func TestCompressed(t *testing.T) {
	h := page(t)
	for accept, want := range map[string]string{"gzip": "packed wasm", "br, gzip;q=0.5": "packed wasm", "": "plain wasm", "br": "plain wasm", "gzip;q=0": "plain wasm"} {
		r := ask(h, "GET", "/engine.wasm", "Accept-Encoding: "+accept)
		if got := body(t, r); got != want || (want == "packed wasm") != (r.Header.Get("Content-Encoding") == "gzip") {
			t.Errorf("Accept-Encoding %q: %q as %q, want %q", accept, got, r.Header.Get("Content-Encoding"), want)
		}
		if r.Header.Get("Content-Type") != "application/wasm" || r.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("Accept-Encoding %q: type %q, Vary %q", accept, r.Header.Get("Content-Type"), r.Header.Get("Vary"))
		}
	}
	if r := ask(h, "GET", "/page.mjs", "Accept-Encoding: gzip"); body(t, r) != "export {}" || r.Header.Get("Content-Encoding") != "" {
		t.Error("a file without a compressed twin is sent as it is")
	}
}

func TestRangesAndTags(t *testing.T) {
	h := page(t)
	r := ask(h, "GET", "/models/base.gguf", "Range: bytes=4-6", "Accept-Encoding: gzip")
	if r.StatusCode != 206 || body(t, r) != "456" || r.Header.Get("Content-Range") != "bytes 4-6/10" {
		t.Errorf("status %d, Content-Range %q", r.StatusCode, r.Header.Get("Content-Range"))
	}
	if r := ask(h, "GET", "/models/base.gguf", "Range: bytes=10-"); r.StatusCode != 416 {
		t.Errorf("a range past the end: status %d", r.StatusCode)
	}
	if r := ask(h, "GET", "/engine.wasm", "Range: bytes=0-4", "Accept-Encoding: gzip"); body(t, r) != "plain" {
		t.Error("a range is of the plain file")
	}
	tag := ask(h, "GET", "/models/base.gguf").Header.Get("ETag")
	if r := ask(h, "GET", "/models/base.gguf", "If-None-Match: "+tag); tag == "" || r.StatusCode != 304 {
		t.Errorf("tag %q: status %d, want 304", tag, r.StatusCode)
	}
	if r := ask(h, "GET", "/models/base.gguf", "Range: bytes=4-6", `If-Range: "other"`); r.StatusCode != 200 {
		t.Errorf("a range of another version: status %d, want the whole file", r.StatusCode)
	}
	if packed := ask(h, "GET", "/engine.wasm", "Accept-Encoding: gzip").Header.Get("ETag"); packed == ask(h, "GET", "/engine.wasm").Header.Get("ETag") {
		t.Error("the compressed twin needs a tag of its own")
	}
}

func TestHeaders(t *testing.T) {
	h := page(t)
	for _, path := range []string{"/", "/nothing"} {
		r := ask(h, "GET", path)
		for name, want := range map[string]string{
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp", "Cross-Origin-Resource-Policy": "same-origin",
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-cache",
		} {
			if got := r.Header.Get(name); got != want && path == "/" {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		csp := r.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'self'", "script-src 'self' 'wasm-unsafe-eval'", "connect-src 'self'", "img-src 'self' data: blob:", "worker-src 'self' blob:", "style-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'self'"} {
			if !strings.Contains(csp+";", want+";") {
				t.Errorf("%s: the policy lacks %q: %s", path, want, csp)
			}
		}
	}
}
