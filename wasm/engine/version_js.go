package main

import (
	"context"
	"runtime"

	"handful/core/version"
	"handful/wasm/rpc"
)

// Version says which release this is. No commit stands in it, so that the same
// source gives the same bytes wherever it is built.
type Version struct {
	Version string `json:"version"`
	Go      string `json:"go"`
}

func answerVersion(context.Context, rpc.Request, *rpc.Emitter) (any, []rpc.Blob, error) {
	return greeting(), nil, nil
}

func greeting() Version { return Version{version.Number, runtime.Version()} }
