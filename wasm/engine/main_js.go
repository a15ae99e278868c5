// Command engine is the program in the Worker: it answers the page's calls
// with the library's one façade, core/engine.
package main

import (
	_ "handful/core/device/cpu" // the device that is always there
	_ "handful/core/device/gpu"
	"handful/wasm/rpc"
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
		"score":     s.score,
		"evaluate":  s.evaluate,
		"alignment": s.alignment,
		"routing":   s.routing,
		"against":   s.against,
		"similar":   s.similar,
		"generate":  s.generate,
	}, greeting())
	select {} // the Worker lives until the page ends it
}
