package main

import (
	"context"

	"handful/core/engine"
	"handful/wasm/rpc"
)

// sortFiles tells what files are for before anything is opened.
func sortFiles(ctx context.Context, r rpc.Request, emit *rpc.Emitter) (any, []rpc.Blob, error) {
	var p struct {
		Files []Source `json:"files"`
	}
	if err := r.Into(&p); err != nil {
		return nil, nil, err
	}
	g := &gathering{r: r, emit: emit}
	defer g.done()
	f, err := g.folder(ctx, "sort", p.Files)
	if err != nil {
		return nil, nil, err
	}
	s, err := engine.Sort(f)
	return s, nil, err
}
