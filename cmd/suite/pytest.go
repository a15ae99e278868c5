package main

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// pytestSuite runs folders of Python tests, each where it stands.
func pytestSuite(name, python string, folders ...string) suite {
	return suite{name: name, run: func(ctx context.Context, r *result) {
		dir, err := os.MkdirTemp("", "pytest")
		if err != nil {
			r.fail("%s: %v", name, err)
			return
		}
		defer os.RemoveAll(dir)
		report := filepath.Join(dir, "report.xml")
		out, failed := do(ctx, nil, append([]string{python, "-m", "pytest", "-q", "--junitxml", report}, folders...)...)
		f, err := os.Open(report)
		if err != nil {
			r.fail("%s: no report: %v", name, err)
			fmt.Print(out)
			return
		}
		defer f.Close()
		if err := countJUnit(f, r); err != nil {
			r.fail("%s: its report: %v", name, err)
		}
		if failed != nil {
			if len(r.failed) == 0 {
				r.fail("%s: %v", name, failed)
			}
			fmt.Print(out)
		}
		if r.passed+len(r.failed)+len(r.skipped) == 0 {
			r.fail("%s: no test ran", name)
		}
		fmt.Printf("   %d tests ok\n", r.passed)
	}}
}

// countJUnit reads results from a report of JUnit's form.
func countJUnit(in io.Reader, r *result) error {
	var report struct {
		Cases []struct {
			Class   string `xml:"classname,attr"`
			Name    string `xml:"name,attr"`
			Failure *struct {
			} `xml:"failure"`
			Error *struct {
			} `xml:"error"`
			Skipped *struct {
				Why string `xml:"message,attr"`
			} `xml:"skipped"`
		} `xml:"testsuite>testcase"`
	}
	if err := xml.NewDecoder(in).Decode(&report); err != nil {
		return err
	}
	for _, c := range report.Cases {
		name := strings.TrimPrefix(c.Class+"."+c.Name, ".")
		switch {
		case c.Failure != nil || c.Error != nil:
			r.fail("%s: %s", r.name, name)
		case c.Skipped != nil:
			r.skip("%s: %s: %s", r.name, name, c.Skipped.Why)
		default:
			r.passed++
		}
	}
	return nil
}
