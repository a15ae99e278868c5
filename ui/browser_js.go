package ui

import (
	"context"
	"strings"
	"syscall/js"

	"handful/core/fault"
	"handful/wasm/rpc"
)

// await waits for a promise; never inside a js.FuncOf.
func await(promise js.Value) (js.Value, error) {
	type outcome struct {
		v   js.Value
		err error
	}
	settled := make(chan outcome, 1)
	ok := js.FuncOf(func(_ js.Value, a []js.Value) any {
		settled <- outcome{v: a[0]}
		return nil
	})
	bad := js.FuncOf(func(_ js.Value, a []js.Value) any {
		settled <- outcome{err: js.Error{Value: js.Global().Get("Object").Invoke(a[0])}}
		return nil
	})
	defer ok.Release()
	defer bad.Release()
	promise.Call("then", ok, bad)
	o := <-settled
	return o.v, o.err
}

// URL implements Page.
func (b *browser) URL(path string) string {
	return js.Global().Get("URL").New(path, js.Global().Get("document").Get("baseURI")).Get("href").String()
}

// Get implements Page.
func (b *browser) Get(_ context.Context, path string) ([]byte, error) {
	lost := func(err error) error {
		return fault.New(fault.Network, "load", "%s: %w", path, err).Next("check that the page's server is running")
	}
	resp, err := await(js.Global().Call("fetch", path))
	if err != nil {
		return nil, lost(err)
	}
	if !resp.Get("ok").Bool() {
		return nil, fault.New(fault.Network, "load", "%s: got status %d", path, resp.Get("status").Int()).Next("the page's server has no such file")
	}
	buf, err := await(resp.Call("arrayBuffer"))
	if err != nil {
		return nil, lost(err)
	}
	return bytesOf(js.Global().Get("Uint8Array").New(buf)), nil
}

func bytesOf(array js.Value) []byte {
	p := make([]byte, array.Get("length").Int())
	js.CopyBytesToGo(p, array)
	return p
}

// reading gives the size of an array or a Blob, and a way to read it; one that
// cannot be read panics with a fault.
func reading(blob rpc.Blob) (size int64, read func(p []byte, at int64)) {
	if array := js.Global().Get("Uint8Array"); blob.InstanceOf(array) {
		return int64(blob.Get("length").Int()), func(p []byte, at int64) { js.CopyBytesToGo(p, blob.Call("subarray", at, at+int64(len(p)))) }
	}
	return int64(blob.Get("size").Float()), func(p []byte, at int64) {
		buf, err := await(blob.Call("slice", float64(at), float64(at)+float64(len(p))).Call("arrayBuffer"))
		if err != nil {
			panic(fault.New(fault.Memory, "export", "the browser cannot hold the file: %w", err).Next("take another format, or the command line"))
		}
		js.CopyBytesToGo(p, js.Global().Get("Uint8Array").New(buf))
	}
}

// SetText implements Page.
func (b *browser) SetText(id, text string) {
	if el := element(id); el.Truthy() {
		el.Set("value", text)
	}
}

// Save implements Page: the files stay in the browser's memory, Go only walks
// over them for their checksums.
func (b *browser) Save(name string, names []string, blobs []rpc.Blob) (err error) {
	defer fault.Recover("export", &err)
	var z zipWriter
	array := js.Global().Get("Uint8Array")
	put := func(parts js.Value, p []byte) {
		a := array.New(len(p))
		js.CopyBytesToJS(a, p)
		parts.Call("push", a)
	}
	parts := js.Global().Get("Array").New()
	for i, blob := range blobs {
		size, read := reading(blob)
		sum := checksum(size, read)
		head, err := z.add(names[i], size, sum)
		if err != nil {
			return err
		}
		put(parts, head)
		parts.Call("push", blob)
	}
	put(parts, z.close())
	download(name, "application/zip", parts)
	return nil
}

// SaveFile implements Page.
func (b *browser) SaveFile(name string, blob rpc.Blob) (err error) {
	defer fault.Recover("share", &err)
	parts := js.Global().Get("Array").New()
	parts.Call("push", blob)
	download(name, "application/octet-stream", parts)
	return nil
}

// SaveText implements Page.
func (b *browser) SaveText(name, text string) (err error) {
	defer fault.Recover("save", &err)
	parts := js.Global().Get("Array").New()
	parts.Call("push", text)
	kind := "text/csv;charset=utf-8"
	if strings.HasSuffix(name, ".svg") {
		kind = "image/svg+xml"
	}
	download(name, kind, parts)
	return nil
}

// download hands a file of these parts to the person.
func download(name, kind string, parts js.Value) {
	url := js.Global().Get("URL")
	address := url.Call("createObjectURL", js.Global().Get("Blob").New(parts, map[string]any{"type": kind}))
	link := js.Global().Get("document").Call("createElement", "a")
	link.Set("href", address)
	link.Set("download", name)
	link.Call("click")
	var later js.Func
	later = js.FuncOf(func(js.Value, []js.Value) any { // the browser is still reading
		url.Call("revokeObjectURL", address)
		later.Release()
		return nil
	})
	js.Global().Call("setTimeout", later, 60_000)
}

// Focus implements Page.
func (b *browser) Focus(id string) { b.edits = append(b.edits, edit{id: id}) }

// Edit implements Page.
func (b *browser) Edit(id, text string) { b.edits = append(b.edits, edit{id, &text}) }

// edit is what is to be done with an element after the next render.
type edit struct {
	id   string
	text *string // of a field; nil leaves it
}

func (e edit) do() {
	el := element(e.id)
	if !el.Truthy() {
		return
	}
	el.Call("focus")
	if e.text != nil {
		el.Set("value", *e.text)
		el.Call("select")
	}
}

// Link implements Page.
func (b *browser) Link(fragment string) string {
	at := js.Global().Get("URL").New(js.Global().Get("location").Get("href"))
	at.Set("search", "") // settings are none of what is shared
	at.Set("hash", fragment)
	return at.Get("href").String()
}

// Fragment implements Page.
func (b *browser) Fragment() string {
	f := strings.TrimPrefix(js.Global().Get("location").Get("hash").String(), "#")
	if element(f).Truthy() {
		return ""
	}
	return f
}

// DropFragment implements Page.
func (b *browser) DropFragment() {
	at := js.Global().Get("location")
	js.Global().Get("history").Call("replaceState", js.Null(), "", at.Get("pathname").String()+at.Get("search").String())
}

// Query implements Page.
func (b *browser) Query() (out []pair) {
	at := js.Global().Get("URL").New(js.Global().Get("location").Get("href"))
	list := js.Global().Get("Array").Call("from", at.Get("searchParams"))
	for i := range min(list.Length(), 30) {
		out = append(out, pair{list.Index(i).Index(0).String(), list.Index(i).Index(1).String()})
	}
	return out
}

// SetQuery implements Page.
func (b *browser) SetQuery(query []pair) {
	at := js.Global().Get("URL").New(js.Global().Get("location").Get("href"))
	search := js.Global().Get("URLSearchParams").New()
	for _, p := range query {
		search.Call("append", p.Key, p.Value)
	}
	at.Set("search", search.Call("toString"))
	js.Global().Get("history").Call("replaceState", js.Null(), "", at.Get("href"))
}

// Copy implements Page.
func (b *browser) Copy(text string) (err error) {
	defer fault.Recover("copy", &err) // there is no clipboard outside secure contexts
	_, err = await(js.Global().Get("navigator").Get("clipboard").Call("writeText", text))
	return err
}
