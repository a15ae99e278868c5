package main

import (
	"github.com/spf13/cobra"

	"handful/core/fault"
)

// rpcCommand refuses: what runs in JavaScript has wasm/js to be called by.
func rpcCommand() *cobra.Command {
	return &cobra.Command{Use: "rpc", Hidden: true, RunE: func(*cobra.Command, []string) error {
		return fault.Unsupportedf("rpc", "this program runs in JavaScript").Next("take the JS module, or the program for this machine")
	}}
}
