package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"handful/cmd/handful/site"
	"handful/core/fault"
)

func serveCommand() *cobra.Command {
	var addr, dir string
	var allow []string
	c := &cobra.Command{Use: "serve", Short: "Serve the page to this machine"}
	f := c.Flags()
	f.StringVar(&addr, "addr", "127.0.0.1:8080", "address to listen on")
	f.StringArrayVar(&allow, "allow-host", nil, "answer to this host name too (repeat it)")
	f.StringVar(&dir, "dir", "dist/site", "the built page")
	c.RunE = func(c *cobra.Command, _ []string) error {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			return usageError{fmt.Errorf("--addr: got %q, want HOST:PORT", addr)}
		}
		root, err := os.OpenRoot(dir)
		if err == nil {
			_, err = root.Stat("index.html")
		}
		if err != nil {
			return fault.Inputf("serve", "no page in %s", dir).Next("run `make build`, or name its folder with --dir")
		}
		defer root.Close()
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return fault.Inputf("serve", "%w", err).Next("choose another --addr")
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			fmt.Fprintf(os.Stderr, "note: others on the network can open the page at %s\n", l.Addr())
		}
		if host != "" {
			allow = append(allow, host)
		}
		s := &http.Server{Handler: site.Handler(root, allow), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
		stopped := context.AfterFunc(c.Context(), func() { s.Close() })
		defer stopped()
		fmt.Fprintf(c.OutOrStdout(), "http://%s\n", l.Addr())
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return fault.From("serve", err)
		}
		return nil
	}
	return c
}
