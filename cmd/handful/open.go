package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"handful/core/device"
	_ "handful/core/device/cpu" // the devices of this build
	_ "handful/core/device/gpu"
	"handful/core/engine"
	"handful/core/fault"
	"handful/core/format"
)

// model are the flags of every command that loads a model.
type modelFlags struct {
	base, inventory, adapter string
	device, kernel           string
	memory                   int64
	maxBinding               int
	seed                     uint64
	closers                  []func() error
}

func (m *modelFlags) add(c *cobra.Command, adapter bool) {
	f := c.Flags()
	f.StringVar(&m.base, "base", "", "base model: a Hugging Face folder or a .gguf")
	f.StringVar(&m.inventory, "inventory", "", "inventory of skills: a PEFT POLY folder")
	if adapter {
		f.StringVar(&m.adapter, "adapter", "", "adapter: a PEFT LORA or POLY folder")
	}
	f.StringVar(&m.device, "device", "auto", "auto, cpu or gpu")
	f.StringVar(&m.kernel, "kernel", "", "kernel family; measured when not given")
	f.Int64Var(&m.memory, "memory", 0, "memory budget in MB; 0: what the device has")
	f.IntVar(&m.maxBinding, "max-binding", 0, "bytes of one tensor in one piece; larger weights are split (0: the adapter's limit)")
	f.Uint64Var(&m.seed, "seed", 0, "seed of splits, initial values and batch order")
}

// open opens the base with what goes with it.
func (m *modelFlags) open(ctx context.Context) (*engine.Engine, error) {
	if m.device != "auto" && m.device != "cpu" && m.device != "gpu" {
		return nil, usageError{fault.Inputf("--device", "got %q, want auto, cpu or gpu", m.device)}
	}
	if m.memory < 0 || m.maxBinding < 0 {
		return nil, usageError{errors.New("--memory and --max-binding want 0 or more")}
	}
	o := engine.OpenOptions{Device: device.Options{Kind: m.device, Family: m.kernel, MaxBinding: m.maxBinding, Memory: m.memory << 20}}
	for _, x := range []struct {
		path string
		to   *format.Folder
		op   string
	}{{m.base, &o.Base, "--base"}, {m.inventory, &o.Inventory, "--inventory"}, {m.adapter, &o.Adapter, "--adapter"}} {
		if x.path == "" {
			continue
		}
		f, closer, err := openFolder(x.op, x.path)
		if err != nil {
			return nil, err
		}
		m.closers = append(m.closers, closer)
		*x.to = f
	}
	var done func()
	o.Progress, done = progress("loading")
	defer done()
	return engine.Open(ctx, o)
}

func (m *modelFlags) close() {
	for _, c := range m.closers {
		c()
	}
}

// progress is a bar on stderr where a person looks at it, else nothing.
func progress(what string) (func(engine.Progress), func()) {
	if !term.IsTerminal(int(os.Stderr.Fd())) {
		return nil, func() {}
	}
	var bar *progressbar.ProgressBar
	return func(p engine.Progress) {
			if bar == nil {
				bar = progressbar.NewOptions64(p.Total, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetDescription(what),
					progressbar.OptionShowBytes(true), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100e6))
			}
			_ = bar.Set64(p.Loaded) // a bar that can't be drawn is no fault
		}, func() {
			if bar != nil {
				_ = bar.Clear()
			}
		}
}

// file is a Blob on disk.
type file struct {
	*os.File
	size int64
}

func (f file) Size() int64 { return f.size }

// openFolder opens a file, or every file of a folder (not of its folders but
// one level, where adapters keep variants).
func openFolder(op, path string) (format.Folder, func() error, error) {
	var f format.Folder
	var open []*os.File
	closeAll := func() error {
		for _, x := range open {
			x.Close()
		}
		return nil
	}
	add := func(name, path string) error {
		x, err := os.Open(path)
		if err != nil {
			return err
		}
		st, err := x.Stat()
		if err != nil {
			x.Close()
			return err
		}
		open = append(open, x)
		f = append(f, format.NamedBlob{Name: name, Blob: file{x, st.Size()}})
		return nil
	}
	st, err := os.Stat(path)
	if err != nil {
		return nil, nil, pathFault(op, path, err)
	}
	if !st.IsDir() {
		if err := add(filepath.Base(path), path); err != nil {
			return nil, nil, pathFault(op, path, err)
		}
		return f, closeAll, nil
	}
	list, err := os.ReadDir(path)
	if err != nil {
		return nil, nil, pathFault(op, path, err)
	}
	for _, e := range list {
		p := filepath.Join(path, e.Name())
		if st, err := os.Stat(p); err != nil || !st.Mode().IsRegular() {
			continue
		}
		if err := add(e.Name(), p); err != nil {
			closeAll()
			return nil, nil, pathFault(op, p, err)
		}
	}
	return f, closeAll, nil
}

func pathFault(op, path string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return fault.Inputf(op, "%s: %w", path, err).Next("check the path")
}

// readText reads a file of examples.
func readText(op, path string) (string, error) {
	const most = 256 << 20
	st, err := os.Stat(path)
	if err != nil {
		return "", pathFault(op, path, err)
	}
	if st.IsDir() || st.Size() > most {
		return "", fault.Inputf(op, "%s is a folder or larger than %d MB; want a file of examples", path, most>>20)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", pathFault(op, path, err)
	}
	return string(b), nil
}
