// Dist makes what is released from what `make build` has left in dist:
//
//	go run ./cmd/dist npm FOLDER     the ES module, as a package for npm
//	go run ./cmd/dist sums FOLDER    FOLDER/SHA256SUMS, of all files in it
//	go run ./cmd/dist version        the release's number
package main

import (
	"fmt"
	"os"

	"handful/core/version"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "version":
		fmt.Println(version.Number)
		return nil
	case len(args) == 2 && args[0] == "npm":
		return npm(args[1], "dist/site")
	case len(args) == 2 && args[0] == "sums":
		return sums(args[1])
	}
	return fmt.Errorf("got %q; usage: dist npm FOLDER | sums FOLDER | version", args)
}
