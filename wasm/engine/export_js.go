package main

import (
	"context"
	"io"

	"handful/core/engine"
	"handful/wasm/rpc"
	"handful/wasm/web"
)

// export gives a fine-tune's files. Those of a merged base are too large for a
// Worker's memory, so they are Blobs, which the browser keeps where it likes.
func (s *session) export(ctx context.Context, r rpc.Request, emit *rpc.Emitter) (any, []rpc.Blob, error) {
	array := func(b []byte) rpc.Blob { return web.Array(b) }
	return s.fits.Export(r, array, func(f *engine.Fit, o engine.ConvertOptions, add func(string, rpc.Blob)) error {
		eng, leave, err := s.take(ctx, r.Method, emit)
		if err != nil {
			return err
		}
		defer leave()
		return eng.ExportAs(ctx, f, o, func(name string, write func(io.Writer) error) error {
			var parts web.Parts
			if err := write(&parts); err != nil {
				return err
			}
			add(name, parts.Blob())
			return nil
		})
	})
}
