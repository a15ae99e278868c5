//go:build !js

package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"handful/core/fault"
)

// pair joins a client and a server of these methods, without a Worker.
func pair(handlers map[string]Handler) *Client {
	var c *Client
	s := NewServer(func(msg string, blobs []Blob) { c.Receive(msg, blobs) }, handlers)
	c = NewClient(s.Receive)
	return c
}

func TestCall(t *testing.T) {
	c := pair(map[string]Handler{
		"sum": func(_ context.Context, r Request, _ *Emitter) (any, []Blob, error) {
			var p []int
			if err := r.Into(&p); err != nil {
				return nil, nil, err
			}
			n := 0
			for _, x := range p {
				n += x
			}
			return n, r.Blobs, nil
		},
		"typed": func(_ context.Context, r Request, _ *Emitter) (any, []Blob, error) {
			var p struct {
				Steps int `json:"steps"`
			}
			return p.Steps, nil, r.Into(&p)
		},
		"wrong": func(context.Context, Request, *Emitter) (any, []Blob, error) {
			return nil, nil, fault.Unsupportedf("model", "got bert").Next("use llama")
		},
		"plain": func(context.Context, Request, *Emitter) (any, []Blob, error) {
			return nil, nil, errors.New("oops")
		},
		"panics": func(_ context.Context, r Request, _ *Emitter) (any, []Blob, error) {
			var none []int
			return none[len(r.Method)], nil, nil
		},
		"unwritable": func(context.Context, Request, *Emitter) (any, []Blob, error) {
			return func() {}, nil, nil
		},
	})
	ctx := context.Background()
	got, blobs, err := c.Call(ctx, "sum", []int{1, 2, 3}, []Blob{"file"}, nil)
	if err != nil || string(got) != "6" || len(blobs) != 1 || blobs[0] != "file" {
		t.Errorf("sum: got %s %v %v, want 6 and its blob", got, blobs, err)
	}
	for _, x := range []struct {
		method string
		params any
		kind   fault.Kind
		say    string
	}{
		{"sum", "seven", fault.Input, "sum: malformed options"},
		{"typed", map[string]any{"steps": "ten"}, fault.Input, "typed: steps: got a string, want int"},
		{"typed", map[string]any{"stpes": 10}, fault.Input, `unknown option "stpes"`},
		{"wrong", nil, fault.Unsupported, "model: got bert; use llama"},
		{"plain", nil, fault.Bug, "plain: oops"},
		{"panics", nil, fault.Bug, "rpc_test.go:"},
		{"unwritable", nil, fault.Bug, "unsupported type"},
		{"nothing", nil, fault.Input, `unknown method "nothing"`},
		{strings.Repeat("x", 1000), nil, fault.Input, "1000 bytes"},
	} {
		_, _, err := c.Call(ctx, x.method, x.params, nil, nil)
		if !fault.Is(err, x.kind) || !strings.Contains(err.Error(), x.say) {
			t.Errorf("%.20s: got %v, want a %v fault that says %q", x.method, err, x.kind, x.say)
		}
	}
}

func TestEvents(t *testing.T) {
	c := pair(map[string]Handler{"run": func(_ context.Context, _ Request, emit *Emitter) (any, []Blob, error) {
		for i := range 50 {
			emit.Batch("step", i)
			emit.Latest("progress", "read", i)
			time.Sleep(5 * time.Millisecond)
		}
		emit.Send("routing", "now")
		emit.Batch("step", 50)
		return "end", nil, nil
	}})
	var steps []int
	var kinds []string
	var seq uint32
	lastProgress := -1
	start := time.Now()
	_, _, err := c.Call(context.Background(), "run", nil, nil, func(e Event) {
		if e.Seq <= seq {
			t.Errorf("got event %d after %d", e.Seq, seq)
		}
		seq = e.Seq
		kinds = append(kinds, e.Kind)
		switch e.Kind {
		case "step":
			var s []int
			if err := json.Unmarshal(e.Data, &s); err != nil {
				t.Fatal(err)
			}
			steps = append(steps, s...)
		case "progress":
			if err := json.Unmarshal(e.Data, &lastProgress); err != nil {
				t.Fatal(err)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range steps {
		if i != s {
			t.Fatalf("got the steps %v, want 0 to 50 in order", steps)
		}
	}
	if len(steps) != 51 || lastProgress != 49 {
		t.Errorf("got %d steps and progress %d, want 51 and 49", len(steps), lastProgress)
	}
	if kinds[len(kinds)-2] != "routing" {
		t.Errorf("got the kinds %v, want routing before the last step", kinds)
	}
	if most := 6 + 2*int(time.Since(start)/pause); len(kinds) > most {
		t.Errorf("got %d events in %v, want at most %d", len(kinds), time.Since(start), most)
	}
}

func TestBatchLeavesWithoutAnotherEvent(t *testing.T) {
	got := make(chan string, 9)
	e := &Emitter{id: 1, post: func(e Event) { got <- string(e.Data) }}
	e.Batch("step", 1)
	e.Batch("step", 2)
	for _, want := range []string{"[1]", "[2]"} {
		select {
		case s := <-got:
			if s != want {
				t.Errorf("got %s, want %s", s, want)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("%s never left", want)
		}
	}
	e.end(nil, nil, nil)
	<-got
	e.Send("step", 3)
	e.Batch("step", 4)
	time.Sleep(2 * pause)
	if len(got) != 0 {
		t.Errorf("got %s after the end", <-got)
	}
}

func TestCancel(t *testing.T) {
	began := make(chan bool)
	c := pair(map[string]Handler{
		"wait": func(ctx context.Context, _ Request, _ *Emitter) (any, []Blob, error) {
			began <- true
			<-ctx.Done()
			return nil, nil, ctx.Err()
		},
		"partly": func(ctx context.Context, _ Request, _ *Emitter) (any, []Blob, error) {
			began <- true
			<-ctx.Done()
			return "half", nil, nil
		},
	})
	for method, want := range map[string]string{"wait": "", "partly": `"half"`} {
		ctx, stop := context.WithCancel(context.Background())
		go func() { <-began; stop() }()
		got, _, err := c.Call(ctx, method, nil, nil, nil)
		if string(got) != want || (want == "") != fault.Is(err, fault.Cancelled) {
			t.Errorf("%s: got %s %v", method, got, err)
		}
	}
}

func TestCrashEndsEveryCall(t *testing.T) {
	c := NewClient(func(string, []Blob) {})
	ended := make(chan error)
	for range 3 {
		go func() {
			_, _, err := c.Call(context.Background(), "wait", nil, nil, nil)
			ended <- err
		}()
	}
	time.Sleep(10 * time.Millisecond)
	c.Receive(`{"id":0,"kind":"crash","seq":1,"err":{"kind":"memory","op":"engine","msg":"out of memory"}}`, nil)
	for range 3 {
		if err := <-ended; !fault.Is(err, fault.Memory) {
			t.Errorf("got %v, want the crash", err)
		}
	}
	if _, _, err := c.Call(context.Background(), "more", nil, nil, nil); !fault.Is(err, fault.Memory) {
		t.Errorf("a call after the crash: got %v, want the crash", err)
	}
	if !fault.Is(c.Dead(), fault.Memory) {
		t.Errorf("Dead: got %v, want the crash", c.Dead())
	}
}

func TestFault39OddMessages(t *testing.T) {
	c := NewClient(func(string, []Blob) {})
	for _, msg := range []string{"", "{", "null", "[]", `{"id":7,"kind":"step"}`, `{"id":-1}`, `{"kind":5}`} {
		c.Receive(msg, nil)
	}
	if err := c.Dead(); err != nil {
		t.Errorf("got %v after odd messages, want nothing", err)
	}
	var last Event
	s := NewServer(func(msg string, _ []Blob) { last, _ = DecodeEvent(msg) }, nil)
	for _, msg := range []string{"", "{", "null", "7", `{"id":1}`, `{"method":"open"}`, `{"id":-1,"method":"open"}`, `{"id":1,"method":"cancel","params":[]}`} {
		last = Event{}
		s.Receive(msg, nil)
		if !fault.Is(last.Err, fault.Input) {
			t.Errorf("%s: got %v, want an input fault", msg, last.Err)
		}
	}
	s.Receive(`{"method":"cancel","params":{"id":99}}`, nil) // of nobody: ignored
}

// A second call under the id of a running one is refused and leaves that alone.
func TestFault39AnIdThatIsInUse(t *testing.T) {
	events := make(chan Event, 9)
	end := make(chan struct{})
	runs := 0
	s := NewServer(func(msg string, _ []Blob) {
		e, err := DecodeEvent(msg)
		if err != nil {
			t.Error(err)
		}
		events <- e
	}, map[string]Handler{"wait": func(context.Context, Request, *Emitter) (any, []Blob, error) {
		runs++
		<-end
		return nil, nil, nil
	}})
	next := func() (e Event) {
		select {
		case e = <-events:
		case <-time.After(time.Minute):
			t.Fatal("no event")
		}
		return e
	}
	s.Receive(`{"id":7,"method":"wait"}`, nil)
	s.Receive(`{"id":7,"method":"wait"}`, nil)
	if e := next(); e.ID != 0 || !fault.Is(e.Err, fault.Input) {
		t.Errorf("the second: %+v", e)
	}
	close(end)
	if e := next(); e.ID != 7 || e.Kind != Done || runs != 1 {
		t.Errorf("the first: %+v after %d runs", e, runs)
	}
}

func FuzzDecodeRequest(f *testing.F) {
	for _, s := range []string{`{"id":1,"method":"open","params":{"a":[1]}}`, `{"method":"cancel","params":{"id":1}}`, `{"id":4294967296}`, "\xff", `{"id":1,"method":"\u0000"}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, msg string) {
		r, err := DecodeRequest(msg)
		if err != nil {
			if !fault.Is(err, fault.Input) {
				t.Fatalf("got %v, want an input fault", err)
			}
			return
		}
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		again, err := DecodeRequest(string(b))
		if err != nil || again.ID != r.ID || again.Method != r.Method {
			t.Fatalf("got %+v %v back, want %+v", again, err, r)
		}
	})
}
