package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
	"syscall/js"
	"time"

	"handful/core/fault"
)

// Want is what a download must be.
type Want struct {
	URL    string // absolute
	Name   string // of the file
	Of     string // what the file is a part of, for the list of what is stored
	Kind   string // for messages: "safetensors or GGUF"
	SHA256 string // in hex; "" takes anything
	Size   int64  // in bytes; 0 takes any
	Keep   bool   // in the browser's storage; takes SHA256 and Size

	// Admit may refuse a file of so many bytes before it is taken; nil takes any.
	Admit func(bytes int64) error
}

// Got is a file.
type Got struct {
	Blob    js.Value
	Stored  bool   // was in the browser's storage
	Kept    bool   // is there now
	Why     string // why it is not kept where it was to be
	Release func() // lets go of it
}

// Report is how far a download is: verify, looking for it in the browser's
// storage; wait, for another tab that downloads the same; download; retry,
// after the connection broke.
type Report struct {
	Status        string
	Loaded, Total int64 // bytes; Total 0 where unknown
}

// Download gets a file of this origin as a browser's Blob, so that it takes no
// room in Go's memory, which never shrinks: from the browser's storage where it
// is there, else from the network. A download that is cut goes on where it was,
// in the next visit too if it is kept. report may be nil. A page in place of
// the file, a short file or another sum is a fault, and nothing of it is kept;
// missing tells that the server has no such file.
func Download(ctx context.Context, w Want, report func(Report)) (g Got, missing bool, err error) {
	g.Release = func() {}
	if report == nil {
		report = func(Report) {}
	}
	if err := sameOrigin(w.URL); err != nil {
		return g, false, err
	}
	if w.Admit != nil && w.Size > 0 {
		if err := w.Admit(w.Size); err != nil {
			return g, false, err
		}
	}
	w.SHA256 = strings.ToLower(w.SHA256)
	abort := js.Global().Get("AbortController").New()
	defer context.AfterFunc(ctx, func() { abort.Call("abort") })()
	d := &download{want: w, abort: abort, report: report, total: w.Size}
	if w.Keep && w.SHA256 != "" && w.Size > 0 {
		report(Report{Status: "verify"})
		s, err := takeStored(ctx, w, abort, func() { report(Report{Status: "wait"}) })
		switch {
		case fault.Is(err, fault.Unsupported):
			g.Why = fault.From("storage", err).Msg
		case err != nil:
			return g, false, err
		case s.file.Truthy():
			return Got{Blob: s.file, Stored: true, Kept: true, Release: s.release}, false, nil
		default:
			d.sink, g.Kept, g.Release = s, true, s.release
		}
	}
	if d.sink == nil {
		d.sink = &memory{parts: js.Global().Get("Array").New()}
	}
	if w.SHA256 != "" {
		d.sum = sha256.New()
	}
	missing, err = d.run(ctx)
	if err == nil {
		g.Blob, err = d.sink.done()
	}
	if err != nil {
		d.sink.close()
		g.Release()
		return Got{Release: func() {}}, missing, err
	}
	return g, false, nil
}

// sink takes what arrives.
type sink interface {
	size() int64
	tag() string // of the version that is arriving, as the server names it
	read(p []byte, at int64) error
	add(chunk js.Value) error
	restart(tag string) error // drops what is there
	done() (js.Value, error)  // ends, with the whole as a Blob
	close()                   // ends
}

// download is one on its way.
type download struct {
	want   Want
	abort  js.Value
	report func(Report)
	sink   sink
	sum    hash.Hash // of what is in the sink; nil where no sum is known
	buf    []byte
	total  int64
	mixed  bool // the sink holds bytes of more than one answer
	began  bool // a server has answered with the file
}

// How often a download is tried again without coming further, how often it is
// begun anew, and the first pause between; each later one is twice as long.
const (
	mostTries    = 3
	mostRestarts = 2
	firstPause   = 500 * time.Millisecond
)

// run gets all of it.
func (d *download) run(ctx context.Context) (missing bool, err error) {
	if err := d.resume(); err != nil {
		return false, err
	}
	tries, restarts, most := 0, 0, d.sink.size()
	for {
		if d.total == 0 || d.sink.size() < d.total {
			if missing, err = d.once(ctx); err != nil && ctx.Err() != nil {
				return false, fault.From("download", context.Canceled)
			}
		}
		if err == nil {
			if err = d.check(); err == nil {
				return false, nil
			}
			if restarts++; !d.mixed || restarts > mostRestarts {
				return false, d.spoilt(err)
			}
			if err := d.restart(""); err != nil {
				return false, err
			}
			continue
		}
		now := d.sink.size()
		if _, cut := err.(*cut); !cut || !d.began && most == 0 {
			return missing, d.told(err)
		}
		if tries++; now > most {
			tries, most = 0, now
		}
		if tries >= mostTries {
			return false, d.told(err)
		}
		d.report(Report{"retry", now, d.total})
		select {
		case <-time.After(firstPause << tries):
		case <-ctx.Done():
			return false, fault.From("download", context.Canceled)
		}
		err = nil
	}
}

// cut is a break of the connection: the one fault that is tried again.
type cut struct{ err error }

func (c *cut) Error() string { return c.err.Error() }

// told is a fault for people.
func (d *download) told(err error) error {
	c, ok := err.(*cut)
	if !ok {
		return err
	}
	next := "check the connection and try again"
	if _, stored := d.sink.(*stored); stored && d.sink.size() > 0 {
		next = "what has arrived is kept: load it again to go on"
	}
	return fault.New(fault.Network, "download", "%s: %w", d.want.URL, c.err).Next("%s", next)
}

// resume sums what is there already.
func (d *download) resume() error {
	size := d.sink.size()
	if d.mixed = size > 0; !d.mixed || d.sum == nil {
		return nil
	}
	d.room(4 << 20)
	for at := int64(0); at < size; {
		p := d.buf[:min(int64(len(d.buf)), size-at)]
		if err := d.sink.read(p, at); err != nil {
			return err
		}
		d.sum.Write(p)
		at += int64(len(p))
	}
	return nil
}

func (d *download) room(n int) {
	if len(d.buf) < n {
		d.buf = make([]byte, n)
	}
}

func (d *download) restart(tag string) error {
	if d.sum != nil {
		d.sum.Reset()
	}
	d.mixed = false
	return d.sink.restart(tag)
}

// once asks the server for what is missing and takes what it sends.
func (d *download) once(ctx context.Context) (missing bool, err error) {
	at := d.sink.size()
	headers := map[string]any{}
	options := map[string]any{"signal": d.abort.Get("signal"), "headers": headers}
	if at > 0 {
		headers["Range"] = fmt.Sprintf("bytes=%d-", at)
		if tag := d.sink.tag(); tag != "" {
			headers["If-Range"] = tag
		}
	}
	if d.want.Keep {
		options["cache"] = "no-store" // it would lie on the disk twice
	}
	resp, err := Await(js.Global().Call("fetch", d.want.URL, options))
	if err != nil {
		return false, &cut{err}
	}
	status := resp.Get("status").Int()
	switch {
	case at > 0 && status == 206 && continues(resp, at, d.want.Size):
		d.mixed = true
	case at > 0 && (status == 206 || status == 416): // not what is missing: all of it, then
		d.cancel(resp)
		if err := d.restart(""); err != nil {
			return false, err
		}
		return d.once(ctx)
	default:
		if missing, err := d.want.answered(resp); err != nil {
			d.cancel(resp)
			return missing, err
		}
		if err := d.restart(version(resp)); err != nil {
			d.cancel(resp)
			return false, err
		}
		if n := length(resp); d.total == 0 {
			d.total = n
		}
	}
	d.began = true
	return false, d.drain(resp.Get("body").Call("getReader"))
}

// cancel gives up an answer: the rest of it is not wanted.
func (d *download) cancel(resp js.Value) {
	if b := resp.Get("body"); b.Truthy() {
		_, _ = Await(b.Call("cancel"))
	}
}

// drain takes an answer's body.
func (d *download) drain(reader js.Value) error {
	for {
		d.report(Report{"download", d.sink.size(), d.total})
		r, err := Await(reader.Call("read"))
		if err != nil {
			return &cut{err}
		}
		if r.Get("done").Bool() {
			break
		}
		chunk := r.Get("value")
		if d.sink.size() == 0 && looksLikePage(chunk) {
			_, _ = Await(reader.Call("cancel"))
			return d.want.page()
		}
		if d.sum != nil {
			n := chunk.Get("length").Int()
			d.room(n)
			js.CopyBytesToGo(d.buf[:n], chunk)
			d.sum.Write(d.buf[:n])
		}
		if err := d.sink.add(chunk); err != nil {
			_, _ = Await(reader.Call("cancel"))
			return err
		}
		if d.total > 0 && d.sink.size() > d.total {
			_, _ = Await(reader.Call("cancel"))
			return d.spoilt(d.check())
		}
	}
	if got := d.sink.size(); got < d.total {
		return &cut{fmt.Errorf("got %d bytes, want %d", got, d.total)}
	}
	return nil
}

// check holds the whole against what was wanted.
func (d *download) check() error {
	if got := d.sink.size(); d.total > 0 && got != d.total {
		return fault.New(fault.Network, "download", "%s: got %d bytes, want %d", d.want.URL, got, d.total).Next("try again")
	}
	if d.sum == nil {
		return nil
	}
	if got := hex.EncodeToString(d.sum.Sum(nil)); got != d.want.SHA256 {
		return fault.New(fault.Corrupt, "download", "%s: got sha256 %s, want %s", d.want.URL, got, d.want.SHA256).Next("try again")
	}
	return nil
}

// spoilt drops what is there, for it is wrong.
func (d *download) spoilt(err error) error {
	if gone := d.restart(""); gone != nil {
		return gone
	}
	return err
}
