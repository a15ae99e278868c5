package main

import (
	"context"
	"strings"
	"time"

	"handful/core/device"
	"handful/core/device/devicetest"
	"handful/wasm/rpc"
	"handful/wasm/web"
)

// Checked is one case of the conformance suite.
type Checked struct {
	Name  string  `json:"name"`
	Error string  `json:"error,omitempty"`
	MS    float64 `json:"ms"`
}

// conformance runs the suite on a device. It answers with the cases that failed.
func conformance(ctx context.Context, r rpc.Request, emit *rpc.Emitter) (any, []rpc.Blob, error) {
	var p struct {
		Device device.Options `json:"device"`
		Only   string         `json:"only"` // cases whose names hold this; "" is all
	}
	if err := r.Into(&p); err != nil {
		return nil, nil, err
	}
	d, _, err := device.Open(ctx, p.Device)
	if err != nil {
		return nil, nil, err
	}
	defer d.Close()
	cases := devicetest.Cases()
	if p.Device.MaxBinding > 0 {
		cases = devicetest.SplitCases()
	}
	ran, failed := 0, []Checked{}
	for _, c := range cases {
		if !strings.Contains(c.Name, p.Only) {
			continue
		}
		web.Yield()
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		start := time.Now()
		out := Checked{Name: c.Name}
		if err := c.Run(ctx, d); err != nil {
			out.Error = err.Error()
			failed = append(failed, out)
		}
		out.MS = time.Since(start).Seconds() * 1e3
		ran++
		emit.Batch("case", out)
	}
	return map[string]any{"device": d.Info(), "ran": ran, "failed": failed}, nil, nil
}
