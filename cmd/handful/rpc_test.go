//go:build !js

package main

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"handful/wasm/rpc"
)

// caller talks to `handful rpc`.
type caller struct {
	t    *testing.T
	in   io.WriteCloser
	out  *bufio.Reader
	done func() error
	last uint32
}

func startRPC(t *testing.T, args ...string) *caller {
	cmd := exec.Command(program, append([]string{"rpc", "--device", "cpu"}, args...)...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // it has ended unless the test failed
	return &caller{t: t, in: in, out: bufio.NewReader(out), done: cmd.Wait}
}

func (c *caller) next() (rpc.Event, [][]byte) {
	msg, blobs, err := rpc.ReadMessage(c.out)
	if err != nil {
		c.t.Fatal(err)
	}
	e, err := rpc.DecodeEvent(msg)
	if err != nil {
		c.t.Fatal(err)
	}
	return e, blobs
}

// call gives the last event of a call, its blobs, and the kinds of those before.
func (c *caller) call(method string, params any, blobs ...[]byte) (rpc.Event, [][]byte, string) {
	c.last++
	p, _ := json.Marshal(params)
	m, _ := json.Marshal(rpc.Request{ID: c.last, Method: method, Params: p})
	if err := rpc.WriteMessage(c.in, string(m), blobs); err != nil {
		c.t.Fatal(err)
	}
	var kinds []string
	for {
		e, out := c.next()
		if e.ID != c.last {
			c.t.Fatalf("%s: got an event of call %d, want %d", method, e.ID, c.last)
		}
		if e.Kind == rpc.Done || e.Kind == rpc.Fault {
			return e, out, strings.Join(kinds, " ")
		}
		kinds = append(kinds, e.Kind)
	}
}

func TestRPC(t *testing.T) {
	c := startRPC(t, "--base", golden, "--inventory", golden+"/s4/adapter_init")
	if e, _ := c.next(); e.Kind != rpc.Ready || !strings.Contains(string(e.Data), `"nSkills":4`) {
		t.Fatalf("got %s %s, want ready with the inventory", e.Kind, e.Data)
	}
	rows := string(read(t, goldenRows(t, 4)))
	e, _, kinds := c.call("adapt", map[string]any{"examples": rows, "method": "z", "steps": 3, "seed": 1})
	if e.Kind != rpc.Done || !strings.Contains(kinds, "plan") || !strings.Contains(kinds, "step") {
		t.Fatalf("adapt: %s %v after %q", e.Kind, e.Err, kinds)
	}
	var fit struct {
		ID     int       `json:"id"`
		Losses []float64 `json:"losses"`
	}
	if err := json.Unmarshal(e.Data, &fit); err != nil || fit.ID == 0 || len(fit.Losses) != 3 {
		t.Fatalf("adapt: %+v %v", fit, err)
	}
	score := func(id int) string {
		e, _, _ := c.call("score", map[string]any{"examples": rows, "adapter": id})
		if e.Err != nil {
			t.Fatal(e.Err)
		}
		return string(e.Data)
	}
	before := score(fit.ID)
	// What was made goes out, as PEFT's folder and packed, and packed comes back.
	e, files, _ := c.call("export", map[string]any{"id": fit.ID})
	if !strings.Contains(string(e.Data), "adapter_model.safetensors") || len(files) < 4 || len(files[0]) == 0 {
		t.Errorf("export: %s with %d blobs", e.Data, len(files))
	}
	if e, files, _ = c.call("pack", map[string]any{"id": fit.ID}); e.Err != nil || len(files) != 1 {
		t.Fatalf("pack: %v, %d blobs", e.Err, len(files))
	}
	if e, _, _ = c.call("free", map[string]any{"id": fit.ID}); e.Err != nil {
		t.Fatal(e.Err)
	}
	if e, _, _ = c.call("restore", nil, files[0]); e.Err != nil {
		t.Fatal(e.Err)
	}
	if err := json.Unmarshal(e.Data, &fit); err != nil {
		t.Fatal(err)
	}
	if after := score(fit.ID); after != before {
		t.Errorf("restored: scores %s, want %s", after, before)
	}
	for _, bad := range []struct {
		method, params, want string
	}{
		{"export", `{"id":99}`, "export: no fine-tune 99"},
		{"adapt", `{"stepz":3}`, "stepz"},
		{"adapt", `{"examples":"","method":"z"}`, "examples"},
		{"score", `{"adapter":[]}`, "want a fine-tune or a name"},
		{"restore", `{}`, "got 0 blobs"},
		{"nonsense", `{}`, "unknown method"},
	} {
		e, _, _ := c.call(bad.method, json.RawMessage(bad.params))
		if e.Err == nil || e.Err.Kind.String() != "input" || !strings.Contains(e.Err.Error(), bad.want) {
			t.Errorf("%s %s: got %v, want a fault of the input with %q", bad.method, bad.params, e.Err, bad.want)
		}
	}
	c.in.Close()
	if err := c.done(); err != nil {
		t.Errorf("at the end of stdin: %v", err)
	}
}

func TestRPCRefusesABase(t *testing.T) {
	c := startRPC(t, "--base", t.TempDir())
	e, _ := c.next()
	if e.Kind != rpc.Crash || e.Err.Kind.String() != "input" || e.Err.Hint == "" {
		t.Errorf("got %+v, want a fault of the input with what to do", e)
	}
	if c.done() == nil {
		t.Error("it ended well")
	}
}
