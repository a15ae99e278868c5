package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"handful/core/engine"
	"handful/core/fault"
	"handful/core/format"
	"handful/core/share"
)

func shareCommand() *cobra.Command {
	var adapter, out, page, instruction, examples string
	var options []string
	var o engine.ShareOptions
	c := &cobra.Command{
		Use:   "share --adapter DIR [--page URL | --out FILE]",
		Short: "Write a fine-tune as a code for a link, or as a .handful file",
		Long: "Prints a code of at most 8,000 characters that tells the routing of MHR-z, or a link to a page with it;\n" +
			"--adapter and the page take both. What other methods learn is larger: it goes into a .handful file.",
	}
	f := c.Flags()
	f.StringVar(&adapter, "adapter", "", "folder that adapt has written, or a code, link or .handful file")
	f.StringVar(&page, "page", "", "address of a page to link to, such as http://127.0.0.1:8080/")
	f.StringVar(&out, "out", "", "write a .handful file instead, with the weights as they are")
	f.StringVar(&o.Name, "name", "", "what to call it")
	f.StringVar(&o.Base, "base-name", "", "what to call the base (default: as its file does)")
	f.StringVar(&instruction, "instruction", "", "instruction that it was adapted with")
	f.StringArrayVar(&options, "option", nil, "a label that stood in every prompt's options (repeat it)")
	f.StringVar(&examples, "examples", "", "examples to share along; without this none are")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := need(c, "adapter"); err != nil {
			return err
		}
		if page != "" && out != "" {
			return usageError{errors.New("--page goes with a code, --out with a file")}
		}
		if u, err := url.Parse(page); page != "" && (err != nil || u.Scheme == "" || u.Host == "") {
			return usageError{fmt.Errorf("--page: got %.60q, want an address such as https://example.org/handful/", page)}
		}
		o.Made = time.Now().UTC().Format(time.RFC3339)
		a, err := shared(adapter, out != "", instruction, options, o)
		if err != nil {
			return err
		}
		if examples != "" {
			if a.Examples, err = readText("--examples", examples); err != nil {
				return err
			}
		}
		if out != "" {
			return writeShared(c, a, out)
		}
		return printCode(c, a, page)
	}
	return c
}

// shared reads what is to be shared; exact asks for the weights as they are.
func shared(path string, exact bool, instruction string, options []string, o engine.ShareOptions) (*share.Adapter, error) {
	dir, err := openShared("--adapter", path)
	if err != nil {
		return nil, err
	}
	defer closeFolder(dir)
	if len(dir) == 1 && format.SniffBlob(dir[0]) == "handful" {
		b, err := format.ReadAll("--adapter", dir[0], share.MostFile)
		if err != nil {
			return nil, err
		}
		a, err := share.Decode(b)
		if err == nil && o.Name != "" {
			a.Name = o.Name
		}
		return a, err
	}
	fit, err := engine.ReadFit(dir, instruction, options)
	if err != nil {
		return nil, err
	}
	if exact {
		return fit.Pack(o)
	}
	return fit.Mixed(o)
}

// writeShared writes a .handful file, all of it or nothing.
func writeShared(c *cobra.Command, a *share.Adapter, path string) error {
	b, err := share.Encode(a)
	if err != nil {
		return err
	}
	if err := writeWhole("--out", path, b); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s, %d bytes, for %s\n", a.Method, len(b), standsOn(a))
	fmt.Fprintln(c.OutOrStdout(), path)
	return nil
}

// printCode prints a code, or a page's link with it.
func printCode(c *cobra.Command, a *share.Adapter, page string) error {
	code, told, err := share.Code(a, share.MostCode)
	if fault.Is(err, fault.Unsupported) {
		return fault.From("share", err).Next("write a file with --out")
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%d characters, weights within 1/%d, %.1f bits each, for %s\n", len(code), told.Levels, 6*float64(len(code))/float64(len(told.Mixture)), standsOn(a))
	if page != "" {
		u, _, _ := strings.Cut(page, "#")
		code = u + "#" + code
	}
	fmt.Fprintln(c.OutOrStdout(), code)
	return nil
}

func standsOn(a *share.Adapter) string {
	s := a.Base.Name
	if a.Inventory != nil {
		s += " with " + a.Inventory.Name
	}
	return s
}

// inspectShared prints a shared fine-tune's card. Names come from strangers:
// share.Name has made plain lines of them.
func inspectShared(c *cobra.Command, b format.NamedBlob, asJSON bool) error {
	raw, err := format.ReadAll("inspect", b, share.MostFile)
	if err != nil {
		return err
	}
	a, err := share.Decode(raw)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(c, map[string]any{"kind": "shared", "format": "handful", "card": a.Card})
	}
	w := c.OutOrStdout()
	fmt.Fprintf(w, "shared fine-tune (handful)\n  %-22s %s\n  %-22s %.16s\n  %-22s %s\n  %-22s %s\n", "name", a.Name, "method", share.Name(a.Method), "made", share.Name(a.Made), "base", a.Base.Name+" sha256:"+a.Base.SHA256)
	if a.Inventory != nil {
		fmt.Fprintf(w, "  %-22s %s sha256:%s\n", "inventory", a.Inventory.Name, a.Inventory.SHA256)
	}
	if a.Instruction != "" {
		fmt.Fprintf(w, "  %-22s %q\n", "instruction", a.Instruction)
	}
	if a.Levels > 0 {
		fmt.Fprintf(w, "  %-22s %d sites × %d heads × %d skills, within 1/%d\n", "mixture", a.Sites, a.Splits, a.Skills, a.Levels)
	} else {
		fmt.Fprintf(w, "  %-22s %d bytes\n", "tensors", len(a.Tensors))
	}
	for _, s := range a.Scores {
		fmt.Fprintf(w, "  score of %-13s accuracy %.3f, balanced %.3f, loss %.4f on %d rows\n", share.Name(s.Name), s.Accuracy, s.Balanced, s.Loss, s.N)
	}
	if n := len(a.Examples); n > 0 {
		fmt.Fprintf(w, "  %-22s %d bytes\n", "examples", n)
	}
	return nil
}
