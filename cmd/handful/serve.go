package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
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
		if _, err := os.Stat(filepath.Join(dir, "index.html")); err != nil {
			return fault.Inputf("serve", "no page in %s", dir).Next("run `make build`, or name it with --dir")
		}
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return fault.Inputf("serve", "%w", err).Next("choose another --addr")
		}
		s := &http.Server{Handler: site.Handler(dir, allow), ReadHeaderTimeout: 10 * time.Second}
		go func() {
			<-c.Context().Done()
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			s.Shutdown(ctx)
		}()
		fmt.Fprintf(c.OutOrStdout(), "http://%s\n", l.Addr())
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return fault.From("serve", err)
		}
		return nil
	}
	return c
}
