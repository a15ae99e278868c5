package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// again builds the browser's programs a second time, from a copy of the tree
// without its history in another folder: the bytes must be those of dist. With
// HANDFUL_SLOW nothing that was compiled before is used.
func again(ctx context.Context, r *result) {
	dir, err := os.MkdirTemp("", "again")
	if err != nil {
		r.fail("again: %v", err)
		return
	}
	defer os.RemoveAll(dir)
	tree := filepath.Join(dir, "tree")
	if err := copyTree(ctx, tree); err != nil {
		r.skip("again: not a git checkout (%v)", err)
		return
	}
	cmd := command(ctx, []string{"wasm/build.sh", filepath.Join(dir, "out")})
	cmd.Dir, cmd.Env = tree, os.Environ()
	if os.Getenv("HANDFUL_SLOW") != "" {
		cmd.Env = append(cmd.Env, "GOCACHE="+filepath.Join(dir, "cache"))
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		r.fail("again: wasm/build.sh: %v", err)
		fmt.Print(string(out))
		return
	}
	for _, name := range []string{"engine.wasm", "ui.wasm"} {
		a, err := os.ReadFile(filepath.Join("dist/site", name))
		b, err2 := os.ReadFile(filepath.Join(dir, "out", name))
		switch {
		case err != nil || err2 != nil:
			r.fail("again: %s: %v %v", name, err, err2)
		case !bytes.Equal(a, b):
			r.fail("again: %s differs from that of another folder: %d and %d bytes", name, len(a), len(b))
		default:
			r.passed++
			fmt.Printf("   ok %s\n", name)
		}
	}
}

// copyTree copies what git tracks or would.
func copyTree(ctx context.Context, to string) error {
	out, err := exec.CommandContext(ctx, "git", "ls-files", "-co", "--exclude-standard").Output()
	if err != nil {
		return err
	}
	for _, name := range lines(string(out)) {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // removed from the tree, not yet from the index
		}
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		at := filepath.Join(to, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(at, b, info.Mode()); err != nil {
			return err
		}
	}
	return nil
}
