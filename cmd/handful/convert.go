package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"handful/core/engine"
	"handful/core/fault"
	"handful/core/format"
)

func convertCommand() *cobra.Command {
	var o engine.ConvertOptions
	var base string
	c := &cobra.Command{
		Use:   "convert IN OUT --to " + strings.Join(engine.Targets, "|"),
		Short: "Write an adapter or inventory in another format, or into its base",
		Long: "IN is a PEFT LORA, IA3 or POLY folder, a zip of one, or a checkpoint of mttl. OUT is a new folder, of gguf-lora a file.\n\n" +
			"  peft-lora   one LoRA; of an inventory a task's (--task ID) or the average (--task mean)\n" +
			"  peft-poly   skills and routers; of a LoRA an inventory of one skill\n" +
			"  peft-ia3    of mttl's (IA)³\n" +
			"  gguf-lora   llama.cpp's LoRA; wants --base for its heads\n" +
			"  merged      the base as a Hugging Face folder with the adapter in its weights (--dtype F32, F16 or BF16)",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return errors.New("convert wants IN and OUT")
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&o.To, "to", "", "format: "+strings.Join(engine.Targets, ", "))
	f.StringVar(&o.Task, "task", "", "training task of an inventory, by index or name, or mean")
	f.StringVar(&o.DType, "dtype", "F32", "of merged: F32, F16 or BF16")
	f.StringVar(&base, "base", "", "base model: a Hugging Face folder or a .gguf")
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := need(c, "to"); err != nil {
			return err
		}
		o.DType = strings.ToUpper(o.DType)
		switch {
		case !slices.Contains(engine.Targets, o.To):
			return usageError{fmt.Errorf("--to %q, want %s", o.To, strings.Join(engine.Targets, ", "))}
		case !slices.Contains([]string{"F32", "F16", "BF16"}, o.DType):
			return usageError{fmt.Errorf("--dtype %q, want F32, F16 or BF16", o.DType)}
		case o.NeedsBase() && base == "":
			return usageError{fmt.Errorf("--to %s wants --base", o.To)}
		}
		in, err := openAdapter("convert", args[0])
		if err != nil {
			return err
		}
		defer closeFolder(in)
		var b format.Folder
		if o.NeedsBase() {
			if b, err = openFolder("--base", base); err != nil {
				return err
			}
			defer closeFolder(b)
		}
		if o.To == "gguf-lora" {
			err = convertFile(c, args[1], in, b, o)
		} else {
			err = convertFolder(c, args[1], in, b, o)
		}
		if err == nil {
			fmt.Fprintln(c.OutOrStdout(), args[1])
		}
		return err
	}
	return c
}

func convertFolder(c *cobra.Command, out string, in, base format.Folder, o engine.ConvertOptions) error {
	w, err := newOutput(out)
	if err != nil {
		return err
	}
	defer w.abandon()
	if err := engine.Convert(c.Context(), in, base, o, w.put); err != nil {
		return err
	}
	return w.commit()
}

// convertFile writes one file, which appears when it is whole. It replaces
// nothing.
func convertFile(c *cobra.Command, out string, in, base format.Folder, o engine.ConvertOptions) error {
	if _, err := os.Lstat(out); err == nil {
		return fault.Inputf("--out", "%s is there", out).Next("name a new file")
	}
	dir, err := os.MkdirTemp(filepath.Dir(out), ".handful-*")
	if err != nil {
		return pathFault("--out", out, err)
	}
	defer os.RemoveAll(dir)
	temp := filepath.Join(dir, "part")
	put := func(_ string, write func(io.Writer) error) error { return writeFile(temp, out, write) }
	if err := engine.Convert(c.Context(), in, base, o, put); err != nil {
		return err
	}
	if err := os.Rename(temp, out); err != nil {
		return pathFault("--out", out, err)
	}
	return nil
}
