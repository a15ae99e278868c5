package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"syscall/js"

	"handful/core/engine"
	"handful/core/fault"
	"handful/core/format"
	"handful/core/share"
	"handful/wasm/calls"
	"handful/wasm/rpc"
	"handful/wasm/web"
)

// Packed describes a .handful file.
type Packed struct {
	ID       string     `json:"id"` // sha256 of its bytes
	Bytes    int        `json:"bytes"`
	Card     share.Card `json:"card"`     // without what is only read again as a whole
	Examples bool       `json:"examples"` // they are in it
}

func packed(b []byte, a *share.Adapter) Packed {
	sum := sha256.Sum256(b)
	p := Packed{ID: hex.EncodeToString(sum[:]), Bytes: len(b), Card: a.Card, Examples: a.Examples != ""}
	p.Card.Run, p.Card.Config, p.Card.Examples, p.Card.Held = nil, nil, "", ""
	return p
}

// Shared is a fine-tune as a code.
type Shared struct {
	Code    string `json:"code"`
	Levels  int    `json:"levels"`  // weights are told in so many parts of 1
	Weights int    `json:"weights"` // how many are told
}

// share gives a fine-tune's code.
func (s *session) share(_ context.Context, r rpc.Request, _ *rpc.Emitter) (any, []rpc.Blob, error) {
	var p struct {
		ID int `json:"id"`
		engine.ShareOptions
	}
	if err := r.Into(&p); err != nil {
		return nil, nil, err
	}
	f, err := s.fits.Get(r.Method, p.ID)
	if err != nil {
		return nil, nil, err
	}
	code, told, err := f.Share(p.ShareOptions)
	if err != nil {
		return nil, nil, err
	}
	return Shared{code, told.Levels, len(told.Mixture)}, nil, nil
}

// pack gives a fine-tune as a .handful file.
func (s *session) pack(_ context.Context, r rpc.Request, _ *rpc.Emitter) (any, []rpc.Blob, error) {
	a, b, err := s.fits.Pack(r)
	if err != nil {
		return nil, nil, err
	}
	return packed(b, a), []rpc.Blob{web.Array(b)}, nil
}

// Agreement counts predictions.
type Agreement struct {
	Same int `json:"same"`
	Of   int `json:"of"` // 0: there are no rows that were scored
}

// agreement judges the rows that a fine-tune was scored on by its code.
func (s *session) agreement(ctx context.Context, r rpc.Request, emit *rpc.Emitter) (any, []rpc.Blob, error) {
	var p struct {
		ID   int    `json:"id"`
		Code string `json:"code"`
	}
	if err := r.Into(&p); err != nil {
		return nil, nil, err
	}
	f, err := s.fits.Get(r.Method, p.ID)
	if err != nil {
		return nil, nil, err
	}
	told, err := share.FromText(p.Code)
	if err != nil {
		return nil, nil, err
	}
	eng, leave, err := s.take(ctx, r.Method, emit)
	if err != nil {
		return nil, nil, err
	}
	defer leave()
	same, of, err := eng.Agreement(ctx, f.Fit, told)
	return Agreement{same, of}, nil, err
}

// Given is a code, a link with one, or a .handful file: the call's first blob.
type Given struct {
	Code string `json:"code"`
	ID   string `json:"id"` // that the file must have; "" takes any
}

// given reads what was shared.
func given(r rpc.Request) (*share.Adapter, []byte, error) {
	var p Given
	if err := r.Into(&p); err != nil {
		return nil, nil, err
	}
	var b []byte
	var err error
	switch {
	case p.Code != "":
		b, err = share.FileOf(p.Code)
	case len(r.Blobs) == 1 && r.Blobs[0].InstanceOf(js.Global().Get("Uint8Array")):
		b = make([]byte, r.Blobs[0].Get("length").Int())
		js.CopyBytesToGo(b, r.Blobs[0])
	case len(r.Blobs) == 1:
		b, err = format.ReadAll("link", named("file", r.Blobs[0]), share.MostFile)
	default:
		err = fault.Inputf(r.Method, "got neither a code nor a file").Next("give what Share has made")
	}
	if err != nil {
		return nil, nil, err
	}
	a, err := share.Decode(b)
	if err != nil {
		return nil, nil, err
	}
	if got := packed(b, a).ID; p.ID != "" && got != p.ID {
		return nil, nil, fault.New(fault.Corrupt, "kept", "got sha256 %.12s…, want %.12s…", got, p.ID).Next("delete it: it was damaged where it lay")
	}
	return a, b, nil
}

// card describes what was shared; no model needs to be open.
func (s *session) card(_ context.Context, r rpc.Request, _ *rpc.Emitter) (any, []rpc.Blob, error) {
	a, b, err := given(r)
	if err != nil {
		return nil, nil, err
	}
	return packed(b, a), nil, nil
}

// restore makes a fine-tune of what was shared or kept. It wants the base and
// the inventory that it was made with.
func (s *session) restore(ctx context.Context, r rpc.Request, emit *rpc.Emitter) (any, []rpc.Blob, error) {
	a, _, err := given(r)
	if err != nil {
		return nil, nil, err
	}
	eng, leave, err := s.take(ctx, "restore", emit)
	if err != nil {
		return nil, nil, err
	}
	defer leave()
	out, err := s.fits.Restore(eng, a)
	return out, nil, err
}

// identity names the open weights; reading all of them may take seconds.
func (s *session) identity(ctx context.Context, _ rpc.Request, emit *rpc.Emitter) (any, []rpc.Blob, error) {
	eng, leave, err := s.take(ctx, "identity", emit)
	if err != nil {
		return nil, nil, err
	}
	defer leave()
	out, err := calls.Identity(eng)
	return out, nil, err
}
