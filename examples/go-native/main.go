// Go-native learns from four lines and answers: go run ./examples/go-native assets/pocket
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"handful/core/device"
	_ "handful/core/device/cpu" // the devices of this program
	_ "handful/core/device/gpu"
	"handful/core/engine"
	"handful/core/format"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: go-native FOLDER, which holds base and inventory")
	}
	if err := run(context.Background(), os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, dir string) error {
	base, err := format.FromFS(os.DirFS(dir + "/base"))
	if err != nil {
		return err
	}
	inventory, err := format.FromFS(os.DirFS(dir + "/inventory"))
	if err != nil {
		return err
	}
	e, err := engine.Open(ctx, engine.OpenOptions{Base: base, Inventory: inventory, Device: device.Options{Kind: "auto"}})
	if err != nil {
		return err
	}
	defer e.Close()

	o := e.Defaults("z")
	o.Examples, o.Steps = "walk => walks\ntry => tries\neat => eats\nwash => washes", 20
	fit, err := e.Adapt(ctx, o, func(ev engine.Event) {
		if ev.Step != nil {
			log.Printf("step %d: loss %.3f", ev.Step.Step, ev.Step.Loss)
		}
	})
	if err != nil {
		return err
	}
	answer, err := e.Generate(ctx, fit.Adapter, engine.GenerateOptions{Prompt: "jump"}, nil)
	fmt.Println(answer)
	return err
}
