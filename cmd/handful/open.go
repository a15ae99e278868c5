package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"handful/core/device"
	_ "handful/core/device/cpu" // the devices of this build
	_ "handful/core/device/gpu"
	"handful/core/engine"
	"handful/core/format"
	"handful/core/share"
)

// modelFlags are the flags of every command that loads a model.
type modelFlags struct {
	base, inventory, adapter string
	device, kernel           string
	memory                   int64
	maxBinding               int
	seed                     uint64
	trainBase, randomBase    bool
	closers                  []func()
	loaded                   func() // takes the loading bar away

	progress func(engine.Progress) // instead of the bar, where it is set
}

func (m *modelFlags) add(c *cobra.Command, adapter bool) {
	f := c.Flags()
	f.StringVar(&m.base, "base", "", "base model: a Hugging Face folder or a .gguf")
	f.StringVar(&m.inventory, "inventory", "", "inventory of skills: a PEFT POLY folder, a checkpoint of mttl, or a LoRA")
	if adapter {
		f.StringVar(&m.adapter, "adapter", "", "adapter: a PEFT LORA, IA3 or POLY folder, a checkpoint of mttl, or what share made: a code, a link, a .handful file")
	}
	f.StringVar(&m.device, "device", "auto", "auto, cpu or gpu")
	f.StringVar(&m.kernel, "kernel", "", "kernel family; measured when not given")
	f.Int64Var(&m.memory, "memory", 0, "memory budget in MB; 0: what the device has")
	f.IntVar(&m.maxBinding, "max-binding", 0, "bytes of one tensor in one piece; larger weights are split (0: the adapter's limit)")
	f.Uint64Var(&m.seed, "seed", 0, "seed of splits, initial values and batch order")
}

// check refuses missing flags and values that no model could make right.
func (m *modelFlags) check(c *cobra.Command, required ...string) error {
	if err := need(c, required...); err != nil {
		return err
	}
	if m.device != "auto" && m.device != "cpu" && m.device != "gpu" {
		return usageError{fmt.Errorf("--device: got %q, want auto, cpu or gpu", m.device)}
	}
	if m.memory < 0 {
		return usageError{fmt.Errorf("--memory: got %d, want 0 or more", m.memory)}
	}
	if m.maxBinding < 0 {
		return usageError{fmt.Errorf("--max-binding: got %d, want 0 or more", m.maxBinding)}
	}
	return nil
}

func (m *modelFlags) options() device.Options {
	return device.Options{Kind: m.device, Family: m.kernel, MaxBinding: m.maxBinding, Memory: m.memory << 20}
}

// open opens the base with what goes with it.
func (m *modelFlags) open(ctx context.Context) (*engine.Engine, error) {
	o := engine.OpenOptions{Device: m.options(), TrainBase: m.trainBase, RandomBase: m.randomBase, Seed: m.seed}
	for _, x := range []struct {
		path string
		to   *format.Folder
		op   string
	}{{m.base, &o.Base, "--base"}, {m.inventory, &o.Inventory, "--inventory"}, {m.adapter, &o.Adapter, "--adapter"}} {
		if x.path == "" {
			continue
		}
		open := openFolder
		if x.to == &o.Adapter {
			open = openShared
		}
		f, err := open(x.op, x.path)
		if err != nil {
			return nil, err
		}
		m.closers = append(m.closers, func() { closeFolder(f) })
		*x.to = f
	}
	if m.device != "cpu" {
		quietDrivers()
	}
	if o.Progress, m.loaded = m.progress, func() {}; m.progress == nil {
		o.Progress, m.loaded = loading()
	}
	return engine.Open(ctx, o)
}

// openShared opens a path, or a code or link that share made.
func openShared(op, path string) (format.Folder, error) {
	if _, err := os.Stat(path); err == nil || !share.IsText(path) {
		return openFolder(op, path)
	}
	b, err := share.FileOf(path)
	if err != nil {
		return nil, err
	}
	return format.Folder{{Name: "link", Blob: format.BytesBlob(b)}}, nil
}

// announce says on stderr which device auto took. Commands call it when they
// are done, so that a fault is the only line.
func (m *modelFlags) announce(e *engine.Engine) {
	m.loaded()
	if m.device == "auto" {
		fmt.Fprintln(os.Stderr, deviceLine(e.Info()))
	}
}

func (m *modelFlags) close() {
	if m.loaded != nil {
		m.loaded()
	}
	for _, c := range m.closers {
		c()
	}
}
