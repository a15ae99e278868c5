// Package site serves the built page from this machine to this machine.
package site

import (
	"fmt"
	"mime"
	"net"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"
)

// policy lets the page load from its own origin only: scripts and wasm, no
// eval, no inline code, no other hosts.
const policy = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; " +
	"connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

// headers go with every answer. The cross-origin ones give the page threads
// and shared memory.
var headers = map[string]string{
	"Content-Security-Policy":      policy,
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Embedder-Policy": "require-corp",
	"Cross-Origin-Resource-Policy": "same-origin",
	"X-Content-Type-Options":       "nosniff",
	"Referrer-Policy":              "no-referrer",
	"Cache-Control":                "no-cache",
}

// types by extension; a system's own table may lack or misname these.
var types = map[string]string{
	".css": "text/css; charset=utf-8", ".gguf": "application/octet-stream", ".html": "text/html; charset=utf-8", ".ico": "image/x-icon",
	".js": "text/javascript; charset=utf-8", ".json": "application/json", ".jsonl": "application/jsonl; charset=utf-8",
	".md": "text/markdown; charset=utf-8", ".mjs": "text/javascript; charset=utf-8", ".png": "image/png", ".safetensors": "application/octet-stream",
	".svg": "image/svg+xml", ".ts": "text/plain; charset=utf-8", ".txt": "text/plain; charset=utf-8", ".wasm": "application/wasm", ".webmanifest": "application/manifest+json",
}

// Handler serves the files under root, which nothing can leave. It answers GET
// and HEAD only, lists no folders, and refuses requests for host names other
// than this machine's and the allowed ones: a page elsewhere may have pointed
// its own name here (DNS rebinding).
func Handler(root *os.Root, allow []string) http.Handler {
	hosts := map[string]bool{"localhost": true, "127.0.0.1": true, "::1": true}
	for _, h := range allow {
		hosts[bare(h)] = true
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for k, v := range headers {
			w.Header().Set(k, v)
		}
		switch {
		case !hosts[bare(r.Host)]:
			http.Error(w, "this server answers to localhost only; see --allow-host", http.StatusForbidden)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		default:
			serveFile(w, r, root)
		}
	})
}

// bare is a host name without port, brackets and large letters.
func bare(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

func serveFile(w http.ResponseWriter, r *http.Request, root *os.Root) {
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	if strings.HasSuffix(r.URL.Path, "/") {
		name = path.Join(name, "index.html")
	}
	if strings.HasPrefix(name, ".") || strings.Contains(name, "/.") {
		http.NotFound(w, r)
		return
	}
	f, st := open(root, name)
	if f == nil {
		http.NotFound(w, r)
		return
	}
	defer f.Close()
	tag := ""
	if g, gst := open(root, name+".gz"); g != nil {
		defer g.Close()
		w.Header().Add("Vary", "Accept-Encoding")
		if r.Header.Get("Range") == "" && takesGzip(r.Header.Get("Accept-Encoding")) {
			w.Header().Set("Content-Encoding", "gzip")
			f, st, tag = g, gst, "-gz"
		}
	}
	w.Header().Set("Content-Type", typeOf(name))
	w.Header().Set("ETag", fmt.Sprintf(`"%x-%x%s"`, st.ModTime().UnixNano(), st.Size(), tag))
	http.ServeContent(w, r, "", st.ModTime(), f)
}

// open gives a regular file, nil for anything else.
func open(root *os.Root, name string) (*os.File, os.FileInfo) {
	f, err := root.Open(name)
	if err != nil {
		return nil, nil
	}
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() {
		f.Close()
		return nil, nil
	}
	return f, st
}

func typeOf(name string) string {
	ext := path.Ext(name)
	if t := types[ext]; t != "" {
		return t
	}
	if t := mime.TypeByExtension(ext); t != "" {
		return t
	}
	return "application/octet-stream"
}

// takesGzip reads Accept-Encoding: gzip, unless its weight is 0.
func takesGzip(accept string) bool {
	for _, part := range strings.Split(accept, ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.TrimSpace(name) != "gzip" {
			continue
		}
		q, err := strconv.ParseFloat(strings.TrimPrefix(strings.TrimSpace(weight), "q="), 64)
		return err != nil || q > 0
	}
	return false
}
