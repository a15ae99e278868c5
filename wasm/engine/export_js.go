package main

import (
	"context"
	"io"

	"handful/core/engine"
	"handful/wasm/rpc"
	"handful/wasm/web"
)

// exportParams say which fine-tune, and in what format; "" is the PEFT folder
// with routing and log.
type exportParams struct {
	ID int `json:"id"`
	engine.ConvertOptions
}

// export gives a fine-tune's files: their names, and their bytes as blobs. Those
// of a merged base are too large for a Worker's memory, so they are Blobs, which
// the browser keeps where it likes.
func (s *session) export(ctx context.Context, r rpc.Request, emit *rpc.Emitter) (any, []rpc.Blob, error) {
	var p exportParams
	if err := r.Into(&p); err != nil {
		return nil, nil, err
	}
	f, err := s.fits.Get(r.Method, p.ID)
	if err != nil {
		return nil, nil, err
	}
	names, blobs := []string{}, []rpc.Blob{}
	if p.To == "" {
		for _, x := range append(f.Export(), f.Saved...) {
			names, blobs = append(names, x.Name), append(blobs, web.Array(x.Bytes))
		}
		return map[string]any{"names": names}, blobs, nil
	}
	eng, leave, err := s.take(ctx, "export", emit)
	if err != nil {
		return nil, nil, err
	}
	defer leave()
	err = eng.ExportAs(ctx, f.Fit, p.ConvertOptions, func(name string, write func(io.Writer) error) error {
		var parts web.Parts
		if err := write(&parts); err != nil {
			return err
		}
		names, blobs = append(names, name), append(blobs, parts.Blob())
		return nil
	})
	return map[string]any{"names": names}, blobs, err
}
