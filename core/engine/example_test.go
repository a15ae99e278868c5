//go:build !js

package engine_test

import (
	"context"
	"errors"
	"fmt"
	"os"

	"handful/core/device"
	_ "handful/core/device/cpu"
	"handful/core/engine"
	"handful/core/fault"
	"handful/core/format"
)

// opened is the pocket model with its skills on the cpu.
func opened(ctx context.Context) (*engine.Engine, error) {
	base, err := format.FromFS(os.DirFS("../../assets/pocket/base"))
	if err != nil {
		return nil, err
	}
	inventory, err := format.FromFS(os.DirFS("../../assets/pocket/inventory"))
	if err != nil {
		return nil, err
	}
	return engine.Open(ctx, engine.OpenOptions{Base: base, Inventory: inventory, Device: device.Options{Kind: "cpu"}})
}

const verbs = "walk => walks\ntry => tries\neat => eats\nwash => washes"

// A model learns from four lines and answers for a fifth.
func Example() {
	ctx := context.Background()
	e, err := opened(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer e.Close()
	o := e.Defaults("z")
	o.Examples, o.Steps = verbs, 20
	fit, err := e.Adapt(ctx, o, func(engine.Event) {})
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := e.Generate(ctx, fit.Adapter, engine.GenerateOptions{Prompt: "jump"}, nil)
	fmt.Println(answer, err)
	for _, f := range fit.Export()[:2] { // PeftModel.from_pretrained opens it
		fmt.Println(f.Name)
	}
	// Output:
	//  jumps <nil>
	// adapter_config.json
	// adapter_model.safetensors
}

// Adapters by name, judged on the same rows.
func ExampleEngine_Evaluate() {
	ctx := context.Background()
	e, err := opened(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer e.Close()
	for _, name := range []string{"base", "task:word_capitalize"} {
		a, err := e.Adapter(name)
		if err != nil {
			fmt.Println(err)
			return
		}
		row, err := e.Evaluate(ctx, a, "house => House\nriver => River\ngarden => Garden", engine.EvalOptions{Generate: true})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s: %.0f of %d\n", name, *row.Exact*float64(row.N), row.N)
	}
	// Output:
	// base: 0 of 3
	// task:word_capitalize: 3 of 3
}

// A wrong option is an error that tells what to do; its kind tells whose fault
// it is.
func ExampleEngine_Adapt_fault() {
	ctx := context.Background()
	e, err := opened(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer e.Close()
	o := e.Defaults("z")
	o.Examples, o.Steps = verbs, 0
	_, err = e.Adapt(ctx, o, func(engine.Event) {})
	var f *fault.Error
	fmt.Println(errors.As(err, &f) && f.Kind == fault.Input)
	// Output: true
}
