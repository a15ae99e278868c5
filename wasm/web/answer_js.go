package web

import (
	"strconv"
	"strings"
	"syscall/js"

	"handful/core/fault"
)

func header(resp js.Value, key string) string {
	if v := resp.Get("headers").Call("get", key); v.Type() == js.TypeString {
		return v.String()
	}
	return ""
}

// length is the number of bytes that an answer has, 0 where it does not say.
func length(resp js.Value) int64 {
	n, err := strconv.ParseInt(header(resp, "content-length"), 10, 64)
	if err != nil || header(resp, "content-encoding") != "" {
		return 0
	}
	return n
}

// version is what If-Range takes: a strong tag, else a date, else "".
func version(resp js.Value) string {
	if tag := header(resp, "etag"); strings.HasPrefix(tag, `"`) {
		return tag
	}
	return header(resp, "last-modified")
}

// continues tells whether a 206 goes on at a position of the wanted file.
func continues(resp js.Value, at, size int64) bool {
	span, of, ok := strings.Cut(strings.TrimPrefix(header(resp, "content-range"), "bytes "), "/")
	from, _, _ := strings.Cut(span, "-")
	whole := of == "*" || size == 0 || of == strconv.FormatInt(size, 10)
	return ok && whole && from == strconv.FormatInt(at, 10) && header(resp, "content-encoding") == "" && !isPage(resp)
}

func isPage(resp js.Value) bool {
	kind, _, _ := strings.Cut(header(resp, "content-type"), ";")
	return strings.TrimSpace(kind) == "text/html"
}

// looksLikePage tells a page that a server sends as something else.
func looksLikePage(chunk js.Value) bool {
	head := make([]byte, min(64, chunk.Get("length").Int()))
	js.CopyBytesToGo(head, chunk)
	text := strings.ToLower(strings.TrimSpace(string(head)))
	return strings.HasPrefix(text, "<!doctype html") || strings.HasPrefix(text, "<html")
}

func (w Want) page() error {
	return fault.New(fault.Network, "download", "expected %s, got text/html from %s", w.Kind, w.URL).Next("check the address; a folder's ends with /")
}

// answered refuses an answer that is not the whole file.
func (w Want) answered(resp js.Value) (missing bool, err error) {
	status := resp.Get("status").Int()
	if status != 200 {
		f := fault.New(fault.Network, "download", "expected %s, got status %d from %s", w.Kind, status, w.URL).Next("check the address")
		return status == 404 || status == 410, f
	}
	if isPage(resp) {
		return true, w.page()
	}
	n := length(resp)
	if w.Size > 0 && n > 0 && n != w.Size {
		return false, fault.New(fault.Network, "download", "%s: got %d bytes, want %d", w.URL, n, w.Size).Next("the server has another file than its list says: try again later")
	}
	if w.Admit != nil && w.Size == 0 && n > 0 {
		return false, w.Admit(n)
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
