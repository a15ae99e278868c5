//go:build !js

package main

import (
	"encoding/json"
	"os"

	"github.com/spf13/cobra"

	"handful/core/fault"
	"handful/wasm/rpc"
)

func rpcCommand() *cobra.Command {
	var m modelFlags
	c := &cobra.Command{
		Use:   "rpc --base PATH [--inventory DIR] [--adapter DIR]",
		Short: "Answer calls on stdin, for programs in other languages",
		Long: "Opens a model and answers calls that come on stdin with events on stdout, until stdin ends: the\n" +
			"calls of the page's engine. A message is a line of sizes, then a JSON text and the blobs that go\n" +
			"with it; docs/formats.md has more.",
	}
	m.add(c, true)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := m.check(c, "base"); err != nil {
			return err
		}
		s := &rpcSession{turn: make(chan struct{}, 1)}
		m.progress = s.progress
		e, err := m.open(c.Context())
		if err != nil {
			crash, _ := json.Marshal(rpc.Event{Kind: rpc.Crash, Seq: 1, Err: fault.From("rpc", err)}) // our own types
			_ = rpc.WriteMessage(c.OutOrStdout(), string(crash), nil)                                 // stderr has it too
			return err
		}
		defer m.close()
		defer e.Close()
		s.eng = e
		return rpc.ServeStream(os.Stdin, c.OutOrStdout(), s.handlers(), e.Info())
	}
	return c
}
