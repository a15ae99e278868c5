// Command conformance is a program for the Worker in the engine's place: it runs
// the suite of all devices in the browser. It is built by its test.
package main

import (
	"context"
	"runtime"
	"strings"
	"time"

	"handful/core/device"
	_ "handful/core/device/cpu"
	"handful/core/device/devicetest"
	_ "handful/core/device/gpu"
	"handful/wasm/rpc"
	"handful/wasm/web"
)

func main() {
	rpc.Serve(map[string]rpc.Handler{"conformance": conformance}, map[string]string{"go": runtime.Version()})
	select {} // the Worker lives until the page ends it
}

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
