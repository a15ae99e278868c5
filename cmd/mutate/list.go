package main

// mutation is a line that is broken on purpose, and the tests that must notice.
type mutation struct{ file, from, to, pkg, tests string }

var list = []mutation{
	{"core/engine/canary.go", "!(math.Abs(got[i]-w) <= canaryNear*math.Abs(w))", "math.IsNaN(got[i]*canaryNear)", "core/engine", "Fault09AWrong"},
	{"core/engine/run.go", "	if err := r.e.dev.check(ctx); err != nil {\n		return err\n	}\n	if c.Model", "	if c.Model", "core/engine", "Fault09AWrong"},
	{"core/engine/run.go", "r.fit.Steps[:step], r.fit.Losses[:step]", "r.fit.Steps, r.fit.Losses", "core/engine", "Fault05ADeviceLostInAny"},
	{"core/engine/machine.go", "h.now().Sub(h.again) < oftenest", "false", "core/engine", "Fault05ADeviceLostAgain"},
	{"core/engine/machine.go", "		h.stale = true\n", "", "core/engine", "Fault06"},
	{"core/engine/memory.go", "n.Sum() <= have", "n.Sum() <= 2*have", "core/engine", "Fault03|Room"},
	{"core/engine/checkpoint.go", "string(sum) != sumOf(body)", `string(sum) == "" && sumOf(body) == ""`, "core/engine", "TestADamagedRun"},
	{"core/tune/trainer.go", "!finite(s.Loss) || !finite(s.GradNorm)", "false", "core/tune", "Fault14"},
	{"core/tune/snapshot.go", "!tensor.Finite(data)", "false", "core/tune", "Fault14"},
	{"core/tensor/finite.go", "0x7c00 == 0x7c00", "0x7c00 == 0x7c01", "core/tensor", "NonFinite"},
	{"core/format/safetensors/open.go", "if e.begin != at {", "if e.begin < at {", "core/format/safetensors", "Corpus|Fault23"},
	{"core/format/safetensors/open.go", "!ok || size != e.end-e.begin", "!ok || size > e.end-e.begin", "core/format/safetensors", "Corpus|Fault23"},
	{"core/format/gguf/read.go", "dims > maxDims", "dims > maxDims+1", "core/format/gguf", "Fault25"},
	{"core/format/torch/globals.go", "make, ok := globals[full]", "make, ok := globals[full]; ok = true", "core/format/torch", "Fault27"},
	{"core/skill/check.go", "d[1]%inv.Splits != 0", "false", "core/engine", "Fault32"},
	{"core/task/encode.go", "if id < 0 || int(id) >= l.Vocab {", "if id < 0 || int(id) > l.Vocab {", "core/engine", "Fault34"},
	{"core/share/file.go", "got != want {", "got != want && false {", "core/share", "File"},
	{"cmd/handful/site/site.go", "!hosts[bare(r.Host)]", "r.Host == \"\"", "cmd/handful/site", "Hosts"},
	{"cmd/handful/site/site.go", "r.Method != http.MethodGet && r.Method != http.MethodHead", "false", "cmd/handful/site", "Methods"},
	{"wasm/rpc/server.go", "	if twice {", "	if false {", "wasm/rpc", "Fault39"},
	{"ui/heat.go", "html.EscapeString(", "string(", "ui", "Fault38|Heat|DrawRouting"},
	{"core/device/gpu/program.go", "p.seen[:0]", "p.seen", "core/device/gpu", "Fault45"},
}
