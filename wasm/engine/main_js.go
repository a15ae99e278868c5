// Command engine is the program in the Worker: it answers the page's calls
// with the library's one façade, core/engine.
package main

import (
	_ "handful/core/device/cpu" // the device that is always there
	_ "handful/core/device/gpu"
	"handful/wasm/calls"
	"handful/wasm/rpc"
	"handful/wasm/web"
)

func main() {
	s := newSession()
	rpc.Serve(map[string]rpc.Handler{
		"version":   answerVersion,
		"sort":      sortFiles,
		"open":      s.open,
		"close":     s.close,
		"info":      s.info,
		"preview":   s.preview,
		"columns":   s.columns,
		"adapt":     s.adapt,
		"resume":    s.resume,
		"export":    s.export,
		"free":      s.free,
		"share":     s.share,
		"agreement": s.agreement,
		"pack":      s.pack,
		"card":      s.card,
		"restore":   s.restore,
		"identity":  s.identity,
		"score":     calls.Score(s.with),
		"evaluate":  calls.Evaluate(s.with),
		"alignment": calls.Alignment(s.withAlone, web.Yield),
		"routing":   s.routing,
		"against":   s.against,
		"similar":   s.similar,
		"generate":  calls.Generate(s.with),
	}, greeting())
	select {} // the Worker lives until the page ends it
}
