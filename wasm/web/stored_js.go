package web

import (
	"context"
	"syscall/js"

	"handful/core/fault"
)

// stored is a file in the browser's storage: whole, or a part that is being
// written (models.mjs).
type stored struct {
	name    string
	file    js.Value // null while it is a part
	part    js.Value
	release func()
}

// takeStored takes a file for use, or for writing. Unsupported where the
// browser keeps no files.
func takeStored(ctx context.Context, w Want, abort js.Value, waiting func()) (*stored, error) {
	models := js.Global().Get("__handful").Get("models")
	wait := js.FuncOf(func(js.Value, []js.Value) any {
		waiting()
		return nil
	})
	defer wait.Release()
	want := map[string]any{"sha256": w.SHA256, "bytes": float64(w.Size), "name": w.Name, "of": w.Of}
	got, err := Await(models.Call("take", want, abort.Get("signal"), wait))
	if ctx.Err() != nil {
		if err == nil {
			got.Call("release")
		}
		return nil, fault.From("download", context.Canceled)
	}
	if err != nil {
		return nil, storeFault(w.Name, err)
	}
	return &stored{name: w.Name, file: got.Get("file"), part: got.Get("part"), release: func() { got.Call("release") }}, nil
}

const noRoom = "remove a model that is kept, or load this one without keeping it"

// storeFault makes a fault of what models.mjs rejects or throws.
func storeFault(file string, err error) error {
	e, ok := err.(js.Error)
	if !ok {
		return fault.From("storage", err)
	}
	said := e.Get("message").String()
	switch kind := e.Get("kind"); {
	case kind.Type() != js.TypeString:
		return fault.New(fault.Unsupported, "storage", "%s", said) // a browser's own trouble: do without
	case kind.String() == "unsupported":
		return fault.New(fault.Unsupported, "storage", "%s", said)
	case kind.String() == "quota" && e.Get("need").Type() == js.TypeNumber:
		return fault.New(fault.Quota, "storage", "%s: need %.1f MB, have %.1f MB in this browser", file, e.Get("need").Float()/1e6, e.Get("have").Float()/1e6).Next(noRoom)
	case kind.String() == "quota":
		return fault.New(fault.Quota, "storage", "%s: %s", file, said).Next(noRoom)
	}
	return fault.New(fault.Input, "storage", "%s: %s", file, said)
}

// try calls a method that may throw.
func (s *stored) try(method string, args ...any) (v js.Value, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case js.Error:
			err = r
		default:
			panic(r)
		}
	}()
	return s.part.Call(method, args...), nil
}

func (s *stored) size() int64 { return int64(s.part.Call("size").Float()) }
func (s *stored) tag() string { return s.part.Call("tag").String() }

func (s *stored) read(p []byte, at int64) error {
	array := js.Global().Get("Uint8Array").New(len(p))
	n, err := s.try("read", array, float64(at))
	if err != nil {
		return fault.New(fault.Corrupt, "storage", "%w", err).Next("try again")
	}
	if n.Int() != len(p) {
		return fault.New(fault.Corrupt, "storage", "got %d bytes at %d, want %d", n.Int(), at, len(p)).Next("try again")
	}
	js.CopyBytesToGo(p, array)
	return nil
}

func (s *stored) add(chunk js.Value) error {
	if _, err := s.try("write", chunk); err != nil {
		return storeFault(s.name, err)
	}
	return nil
}

func (s *stored) restart(tag string) error {
	if _, err := Await(s.part.Call("restart", tag)); err != nil {
		return storeFault(s.name, err)
	}
	return nil
}

func (s *stored) done() (js.Value, error) {
	file, err := Await(s.part.Call("done"))
	if err != nil {
		return js.Null(), storeFault(s.name, err)
	}
	return file, nil
}

func (s *stored) close() { _, _ = Await(s.part.Call("close")) } // async: it rejects, where it does not close, and that loses nothing
