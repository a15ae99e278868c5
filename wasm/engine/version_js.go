package main

import (
	"context"
	"runtime"
	"runtime/debug"

	"handful/wasm/rpc"
)

// Version says which build this is.
type Version struct {
	Revision string `json:"revision"` // of the source, "" when it is not known
	Modified bool   `json:"modified"` // the source had changes that are in no revision
	Go       string `json:"go"`
}

func version() Version {
	v := Version{Go: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				v.Revision = s.Value
			case "vcs.modified":
				v.Modified = s.Value == "true"
			}
		}
	}
	return v
}

func answerVersion(context.Context, rpc.Request, *rpc.Emitter) (any, []rpc.Blob, error) {
	return version(), nil, nil
}
