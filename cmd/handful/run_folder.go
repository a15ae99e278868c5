package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"handful/core/engine"
	"handful/core/fault"
	"handful/core/format"
)

const (
	checkpointName = "checkpoint.safetensors"
	logName        = "train.jsonl"
	partName       = ".part" // files that aren't whole yet
)

// runFolder is the output of a long run. Unlike output it is there from the
// first step, with a log that grows and a checkpoint that is replaced as a
// whole: a kill or a full disk leaves the last one. The result comes at the end,
// then the checkpoint goes.
type runFolder struct {
	shown, dir string
	made       bool        // the folder was not there
	resume     format.Blob // the checkpoint to go on from; nil: begin
	from       *os.File
	lines      *os.File
}

// newRun takes a new or empty folder, or with resume one that an unfinished run
// left. A run that was killed before its first checkpoint begins again.
func newRun(dir string, resume bool) (*runFolder, error) {
	w := &runFolder{shown: dir, dir: dir}
	list, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, pathFault("--out", dir, err)
	}
	w.made = err != nil
	held := map[string]bool{}
	for _, e := range list {
		held[e.Name()] = true
	}
	delete(held, partName)
	switch {
	case len(held) > 0 && !resume:
		f := fault.Inputf("--out", "%s is not empty", dir)
		if held[checkpointName] || held[logName] {
			return nil, f.Next("go on with the run in it by --resume, or name a new folder")
		}
		return nil, f.Next("name a new folder")
	case !held[checkpointName] && (held["adapter_config.json"] || held["base"]):
		return nil, fault.Inputf("--resume", "the run in %s is finished", dir).Next("name a new folder for another run")
	case len(held) > 0 && !held[checkpointName] && !held[logName]:
		return nil, fault.Inputf("--resume", "%s holds no run", dir).Next("name the folder of an unfinished run")
	}
	if held[checkpointName] {
		if w.from, err = os.Open(w.path(checkpointName)); err != nil {
			return nil, pathFault("--resume", w.path(checkpointName), err)
		}
		st, err := w.from.Stat()
		if err != nil {
			return nil, pathFault("--resume", w.path(checkpointName), err)
		}
		w.resume = format.NamedBlob{Name: checkpointName, Blob: &file{path: w.path(checkpointName), size: st.Size(), f: w.from}}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, pathFault("--out", dir, err)
	}
	return w, nil
}

func (w *runFolder) path(name string) string { return filepath.Join(w.dir, filepath.FromSlash(name)) }

func (w *runFolder) close() {
	for _, f := range []*os.File{w.from, w.lines} {
		if f != nil {
			f.Close()
		}
	}
	os.RemoveAll(w.path(partName))
	if w.made {
		os.Remove(w.dir) // where nothing was written: a folder with files stays
	}
}

// begin opens the log behind the lines of the steps that were done. The old
// checkpoint was read by then; some systems don't replace a file that is open.
func (w *runFolder) begin(done int) error {
	if w.from != nil {
		w.from.Close()
		w.from = nil
	}
	var keep bytes.Buffer
	old, err := os.ReadFile(w.path(logName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return pathFault("--out", w.path(logName), err)
	}
	for _, l := range bytes.SplitAfter(old, []byte("\n")) {
		var s struct {
			Step int `json:"step"`
		}
		if json.Unmarshal(l, &s) == nil && s.Step > 0 && s.Step <= done {
			keep.Write(l)
		}
	}
	err = w.replace(logName, func(f io.Writer) error { _, err := f.Write(keep.Bytes()); return err })
	if err != nil {
		return err
	}
	if w.lines, err = os.OpenFile(w.path(logName), os.O_APPEND|os.O_WRONLY, 0o644); err != nil {
		return pathFault("--out", w.path(logName), err)
	}
	return nil
}

// log appends a line.
func (w *runFolder) log(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if _, err := w.lines.Write(append(b, '\n')); err != nil {
		return pathFault("--out", w.path(logName), err)
	}
	return nil
}

// save puts a checkpoint in the place of the last.
func (w *runFolder) save(c *engine.Checkpoint) error { return w.replace(checkpointName, c.Write) }

// replace writes a file beside its place and moves it there when all of it is
// on the disk.
func (w *runFolder) replace(name string, write func(io.Writer) error) (err error) {
	part := filepath.Join(w.path(partName), filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(part), 0o755); err != nil {
		return pathFault("--out", filepath.Dir(part), err)
	}
	f, err := os.Create(part)
	if err != nil {
		return pathFault("--out", part, err)
	}
	err = write(f)
	for _, step := range []func() error{f.Sync, f.Close} {
		if e := step(); err == nil {
			err = e
		}
	}
	if err == nil {
		if err = os.MkdirAll(filepath.Dir(w.path(name)), 0o755); err == nil {
			err = os.Rename(part, w.path(name))
		}
	}
	if err != nil {
		os.Remove(part)
		var path *fs.PathError
		if errors.As(err, &path) {
			return pathFault("--out", w.path(name), err)
		}
	}
	return err
}

// finish puts the result in its place, the file that makes it an adapter last.
// A run that was stopped keeps its checkpoint.
func (w *runFolder) finish(files []engine.File, stopped bool) error {
	put := func(f engine.File) error {
		return w.replace(f.Name, func(o io.Writer) error { _, err := o.Write(f.Bytes); return err })
	}
	var last []engine.File
	for _, f := range files {
		if f.Name == "adapter_config.json" {
			last = append(last, f)
			continue
		}
		if err := put(f); err != nil {
			return err
		}
	}
	for _, f := range last {
		if err := put(f); err != nil {
			return err
		}
	}
	if stopped {
		return nil
	}
	if err := os.Remove(w.path(checkpointName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return pathFault("--out", w.path(checkpointName), err)
	}
	return nil
}
