// Go-wasm is a page's own Go program that learns and answers in the browser:
//
//	GOOS=js GOARCH=wasm go build -o examples/go-wasm/main.wasm ./examples/go-wasm
//	cp "$(go env GOROOT)/lib/wasm/wasm_exec.js" examples/go-wasm && cp -R assets/pocket examples/go-wasm
//	python3 -m http.server --directory examples/go-wasm
package main

import (
	"context"
	"io"
	"net/http"
	"syscall/js"

	_ "handful/core/device/cpu"
	"handful/core/engine"
	"handful/core/format"
)

func fetch(dir string, names ...string) (f format.Folder) {
	for _, name := range names {
		resp, err := http.Get(dir + name)
		check(err)
		b, err := io.ReadAll(resp.Body)
		check(err)
		f = append(f, format.NamedBlob{Name: name, Blob: format.BytesBlob(b)})
	}
	return f
}

func main() {
	ctx, at := context.Background(), js.Global().Get("document").Get("baseURI").String()+"pocket/"
	e, err := engine.Open(ctx, engine.OpenOptions{
		Base:      fetch(at+"base/", "config.json", "model.safetensors", "tokenizer.json"),
		Inventory: fetch(at+"inventory/", "adapter_config.json", "adapter_model.safetensors", "manifest.json"),
	})
	check(err)
	o := e.Defaults("z")
	o.Examples, o.Steps = "walk => walks\ntry => tries\neat => eats\nwash => washes", 20
	fit, err := e.Adapt(ctx, o, func(engine.Event) {})
	check(err)
	answer, err := e.Generate(ctx, fit.Adapter, engine.GenerateOptions{Prompt: "jump"}, nil)
	check(err)
	js.Global().Get("document").Get("body").Set("textContent", answer)
	select {} // the browser may still call what has ended
}

func check(err error) {
	if err != nil {
		js.Global().Get("document").Get("body").Set("textContent", err.Error())
		panic(err)
	}
}
