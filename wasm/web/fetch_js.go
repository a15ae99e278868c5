package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"strconv"
	"strings"
	"syscall/js"

	"handful/core/fault"
)

// part is how many bytes are gathered before the browser may move them out of
// memory.
const part = 16 << 20

// Want is what a download must be.
type Want struct {
	URL    string // absolute
	Kind   string // for messages: "safetensors or GGUF"
	SHA256 string // in hex; "" takes anything
	Size   int64  // in bytes; 0 takes any
}

// Download gets a file of this origin as a browser's Blob, so that it takes no
// room in Go's memory, which never shrinks. report, which may be nil, is told
// the bytes so far and in all (0: unknown). A page in place of the file, a
// short file or another sum is a fault, and nothing of it is kept; missing
// tells that the server has no such file.
func Download(ctx context.Context, w Want, report func(loaded, total int64)) (blob js.Value, missing bool, err error) {
	if err := sameOrigin(w.URL); err != nil {
		return js.Null(), false, err
	}
	abort := js.Global().Get("AbortController").New()
	defer context.AfterFunc(ctx, func() { abort.Call("abort") })()
	lost := func(err error) error {
		if ctx.Err() != nil || name(err) == "AbortError" {
			return fault.From("download", context.Canceled)
		}
		return fault.New(fault.Network, "download", "%s: %w", w.URL, err).Next("check the connection and try again")
	}
	resp, err := Await(js.Global().Call("fetch", w.URL, map[string]any{"signal": abort.Get("signal")}))
	if err != nil {
		return js.Null(), false, lost(err)
	}
	if missing, err := w.check(resp); err != nil {
		abort.Call("abort") // the rest of a wrong file is not wanted
		return js.Null(), missing, err
	}
	g := &gatherer{parts: js.Global().Get("Array").New()}
	if w.SHA256 != "" {
		g.sum = sha256.New()
	}
	total := w.Size
	if n, err := strconv.ParseInt(header(resp, "content-length"), 10, 64); err == nil && total == 0 && header(resp, "content-encoding") == "" {
		total = n
	}
	reader := resp.Get("body").Call("getReader")
	for {
		r, err := Await(reader.Call("read"))
		if err != nil {
			return js.Null(), false, lost(err)
		}
		if r.Get("done").Bool() {
			break
		}
		g.add(r.Get("value"))
		if report != nil {
			report(g.size, total)
		}
	}
	blob = g.blob()
	if total > 0 && g.size != total {
		return js.Null(), false, fault.New(fault.Network, "download", "%s: got %d bytes, want %d", w.URL, g.size, total).Next("try again")
	}
	if g.sum != nil {
		if got := hex.EncodeToString(g.sum.Sum(nil)); !strings.EqualFold(got, w.SHA256) {
			return js.Null(), false, fault.New(fault.Corrupt, "download", "%s: got sha256 %s, want %s", w.URL, got, w.SHA256).Next("try again")
		}
	}
	return blob, false, nil
}

func header(resp js.Value, key string) string {
	if v := resp.Get("headers").Call("get", key); v.Type() == js.TypeString {
		return v.String()
	}
	return ""
}

// check refuses an answer that is not the file.
func (w Want) check(resp js.Value) (missing bool, err error) {
	status := resp.Get("status").Int()
	if status != 200 {
		f := fault.New(fault.Network, "download", "expected %s, got status %d from %s", w.Kind, status, w.URL).Next("check the address")
		return status == 404 || status == 410, f
	}
	if t, _, _ := strings.Cut(header(resp, "content-type"), ";"); t == "text/html" {
		return true, fault.New(fault.Network, "download", "expected %s, got text/html from %s", w.Kind, w.URL).
			Next("check the address; a folder's ends with /")
	}
	return false, nil
}

// sameOrigin keeps the page's promise that nothing goes to another host.
func sameOrigin(address string) (err error) {
	defer func() {
		if recover() != nil {
			err = fault.Inputf("download", "got %q, want an address", address)
		}
	}()
	u := js.Global().Get("URL").New(address)
	here := js.Global().Get("location").Get("origin").String()
	if p := u.Get("protocol").String(); p == "data:" || u.Get("origin").String() == here {
		return nil
	}
	return fault.Unsupportedf("download", "%s is not of this origin (%s)", address, here).Next("download the file and choose it from disk")
}

// gatherer collects a stream's chunks as Blobs.
type gatherer struct {
	parts   js.Value // Blobs, and at the end chunks
	pending int64    // bytes in chunks
	from    int      // where the chunks begin
	size    int64
	sum     hash.Hash
	buf     []byte
}

func (g *gatherer) add(chunk js.Value) {
	n := chunk.Get("length").Int()
	if g.sum != nil {
		if cap(g.buf) < n {
			g.buf = make([]byte, n)
		}
		js.CopyBytesToGo(g.buf[:n], chunk)
		g.sum.Write(g.buf[:n])
	}
	g.parts.Call("push", chunk)
	g.size += int64(n)
	if g.pending += int64(n); g.pending >= part {
		chunks := g.parts.Call("splice", g.from)
		g.parts.Call("push", js.Global().Get("Blob").New(chunks))
		g.from, g.pending = g.from+1, 0
	}
}

func (g *gatherer) blob() js.Value { return js.Global().Get("Blob").New(g.parts) }
