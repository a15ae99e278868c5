package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"handful/core/engine"
	"handful/core/fault"
	"handful/core/format/hf"
	"handful/core/format/safetensors"
	"handful/core/tensor"
)

func randomModelCommand() *cobra.Command {
	var shape, out, dtype string
	var seed uint64
	c := &cobra.Command{
		Use:   "random-model --shape NAME --out DIR",
		Short: "Write a checkpoint of a published shape with random weights, to measure with",
		Long: "Writes config.json and model.safetensors of a published shape with random weights: for tests of loading, memory\n" +
			"and speed where the real weights are not at hand. It knows nothing and has no tokenizer: give rows as token ids.\n\n" +
			"Shapes: " + strings.Join(hf.Published(), ", ") + ".\n" +
			"t5-v1_1 has the sizes of LM-adapted T5 and Flan-T5.",
	}
	f := c.Flags()
	f.StringVar(&shape, "shape", "", "a published shape")
	f.StringVar(&out, "out", "", "folder to write")
	f.StringVar(&dtype, "dtype", "F32", "type of the weights: F32, F16 or BF16")
	f.Uint64Var(&seed, "seed", 0, "seed of the values")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := need(c, "shape", "out"); err != nil {
			return err
		}
		dt, ok := map[string]tensor.DType{"F32": tensor.F32, "F16": tensor.F16, "BF16": tensor.BF16}[strings.ToUpper(dtype)]
		if !ok {
			return usageError{fmt.Errorf("--dtype: got %q, want F32, F16 or BF16", dtype)}
		}
		config, tensors, err := hf.RandomModel(shape, dt, seed)
		if err != nil {
			return usageError{err}
		}
		w, err := newOutput(out)
		if err != nil {
			return err
		}
		defer w.abandon()
		if err := w.write("", []engine.File{{Name: "config.json", Bytes: config}}); err != nil {
			return err
		}
		if err := w.stream("model.safetensors", func(to io.Writer) error {
			return safetensors.Write(stoppable{c.Context(), to}, tensors, map[string]string{"format": "pt"})
		}); err != nil {
			return err
		}
		if err := w.commit(); err != nil {
			return err
		}
		fmt.Fprintln(c.OutOrStdout(), w.shown)
		return nil
	}
	return c
}

// stream writes one file of the output as it is made.
func (w *output) stream(name string, write func(io.Writer) error) error {
	f, err := os.Create(filepath.Join(w.temp, name))
	if err != nil {
		return pathFault("--out", filepath.Join(w.dir, name), err)
	}
	if err = write(f); err == nil {
		err = f.Close()
	} else {
		f.Close()
	}
	if errors.Is(err, context.Canceled) {
		return fault.From("random-model", err)
	}
	if err != nil {
		return pathFault("--out", filepath.Join(w.dir, name), err)
	}
	return nil
}

// stoppable is a writer that ends when its context does.
type stoppable struct {
	ctx context.Context
	io.Writer
}

func (s stoppable) Write(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.Writer.Write(p)
}
