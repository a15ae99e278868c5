package ui

import (
	"path"
	"slices"
	"strings"
	"syscall/js"

	"handful/core/fault"
)

// listen hears what Vugu's own events would carry badly: typing (Vugu sends
// the whole text several times over with every key), files, and leaving. One
// listener on the document serves elements that come and go.
func (b *browser) listen() {
	document := js.Global().Get("document")
	on := func(target js.Value, event string, do func(e js.Value)) {
		target.Call("addEventListener", event, js.FuncOf(func(_ js.Value, a []js.Value) any {
			do(a[0])
			return nil
		}))
	}
	on(document, "input", func(e js.Value) {
		t := e.Get("target")
		switch id := text(t, "id"); id {
		case examplesID, heldID, instructionID, promptID, renameID:
			typed := t.Get("value").String()
			go b.Update(func() { b.app.Typed(id, typed) })
		}
	})
	on(document, "keydown", func(e js.Value) {
		if text(e.Get("target"), "id") != renameID {
			return
		}
		key := text(e, "key")
		if key != "Enter" && key != "Escape" {
			return
		}
		e.Call("preventDefault") // or Enter's keypress may reach the button that has the focus by then, and rename again
		go b.Update(func() { b.app.Renamed(key == "Enter") })
	})
	on(document, "visibilitychange", func(js.Value) { // another tab may have kept something
		if text(document, "visibilityState") == "visible" {
			go b.app.findKept()
		}
	})
	on(js.Global(), "hashchange", func(js.Value) {
		f := b.Fragment()
		go b.Update(func() { b.app.OpenLink(f) })
	})
	on(document, "change", func(e js.Value) {
		t := e.Get("target")
		switch text(t, "id") {
		case "model-files", "model-folder":
			var files []file
			list := t.Get("files")
			for i := range list.Length() {
				files = append(files, chosenFile(list.Index(i), ""))
			}
			t.Set("value", "") // so that the same files can be chosen again
			if len(files) > 0 {
				go b.Update(func() { b.app.TakeFiles(files) })
			}
		}
	})
	on(document, "dragover", func(e js.Value) {
		e.Call("preventDefault")
		b.mark(place(e))
	})
	on(document, "dragleave", func(js.Value) { b.mark(js.Null()) })
	on(document, "drop", func(e js.Value) {
		e.Call("preventDefault")
		b.mark(js.Null())
		where := ""
		if p := place(e); p.Truthy() {
			where = p.Get("dataset").Get("drop").String()
		}
		var entries []js.Value // must be taken before the event ends
		var files []file
		items := e.Get("dataTransfer").Get("items")
		for i := range items.Length() {
			if entry := items.Index(i).Call("webkitGetAsEntry"); entry.Truthy() {
				entries = append(entries, entry)
			} else if f := items.Index(i).Call("getAsFile"); f.Truthy() {
				files = append(files, chosenFile(f, ""))
			}
		}
		go b.dropped(where, entries, files)
	})
	narrow := js.Global().Call("matchMedia", "(max-width: 40rem)")
	b.app.Narrow(narrow.Get("matches").Bool())
	on(narrow, "change", func(e js.Value) {
		matches := e.Get("matches").Bool()
		go b.Update(func() { b.app.Narrow(matches) })
	})
	on(js.Global(), "beforeunload", func(e js.Value) {
		if b.app.Unsaved() {
			e.Call("preventDefault")
		}
	})
}

// text is a property that may be missing.
func text(v js.Value, key string) string {
	if p := v.Get(key); p.Type() == js.TypeString {
		return p.String()
	}
	return ""
}

// place is the element that files are dropped on, or null.
func place(e js.Value) js.Value {
	t := e.Get("target")
	if t.Get("closest").Type() != js.TypeFunction {
		return js.Null()
	}
	return t.Call("closest", "[data-drop]")
}

// mark shows where a drop would go.
func (b *browser) mark(at js.Value) {
	old := js.Global().Get("document").Call("querySelectorAll", "[data-over]")
	for i := range old.Length() {
		old.Index(i).Call("removeAttribute", "data-over")
	}
	if at.Truthy() {
		at.Call("setAttribute", "data-over", "")
	}
}

// chosenFile wraps a File. Its name has its folders where they are known.
func chosenFile(f js.Value, path string) file {
	if path == "" {
		path = text(f, "webkitRelativePath")
	}
	if path == "" {
		path = text(f, "name")
	}
	return file{name: strings.TrimPrefix(path, "/"), size: int64(f.Get("size").Float()), blob: f}
}

// mostFiles bounds a folder that was dropped by mistake.
const mostFiles = 2000

// dropped takes folders and files. A file of examples becomes text; all else is
// a model's.
func (b *browser) dropped(where string, entries []js.Value, files []file) {
	for len(entries) > 0 && len(files) < mostFiles {
		entry := entries[0]
		entries = entries[1:]
		if entry.Get("isDirectory").Bool() {
			entries = append(entries, children(entry)...)
			continue
		}
		if f, ok := fileOf(entry); ok {
			files = append(files, chosenFile(f, text(entry, "fullPath")))
		}
	}
	if len(files) == 1 && (isExamples(files[0].name) || (where == examplesID || where == heldID) && files[0].size < mostText) {
		b.readText(where, files[0])
		return
	}
	if len(files) > 0 {
		b.Update(func() { b.app.TakeFiles(files) })
	}
}

// mostText bounds a file of examples.
const mostText = 16 << 20

func (b *browser) readText(where string, f file) {
	var got js.Value
	var err error
	if f.size > mostText {
		err = fault.Inputf("examples", "%s has %s, want at most %s", f.name, bytesText(f.size), bytesText(mostText)).Next("take a part of it: a handful of rows is enough")
	} else {
		got, err = await(f.blob.Call("text"))
	}
	b.Update(func() {
		if err != nil {
			b.app.show("examples", err)
			return
		}
		b.app.TakeText(where, got.String())
	})
}

// called runs a method of the old callback kind: method(ok, failed).
func called(v js.Value, method string) (js.Value, bool) {
	got := make(chan js.Value, 1)
	ok := js.FuncOf(func(_ js.Value, a []js.Value) any {
		got <- a[0]
		return nil
	})
	bad := js.FuncOf(func(js.Value, []js.Value) any {
		got <- js.Null()
		return nil
	})
	defer ok.Release()
	defer bad.Release()
	v.Call(method, ok, bad)
	r := <-got
	return r, r.Truthy()
}

func fileOf(entry js.Value) (js.Value, bool) { return called(entry, "file") }

// children lists a folder: its reader gives a hundred entries at a time.
func children(folder js.Value) (out []js.Value) {
	reader := folder.Call("createReader")
	for len(out) < mostFiles {
		some, ok := called(reader, "readEntries")
		if !ok || some.Length() == 0 {
			break
		}
		for i := range some.Length() {
			out = append(out, some.Index(i))
		}
	}
	return out
}

// isExamples tells a file of examples from one of a model, by its name.
func isExamples(name string) bool {
	return slices.Contains([]string{".jsonl", ".csv", ".tsv", ".txt"}, strings.ToLower(path.Ext(name)))
}
