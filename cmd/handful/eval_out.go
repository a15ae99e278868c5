package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"handful/core/engine"
	"handful/core/eval"
	"handful/core/eval/chart"
	"handful/core/share"
)

// fill takes over what was judged.
func fill(r *eval.Result, s *engine.ScoreRow) {
	r.N, r.Accuracy, r.Balanced, r.Exact, r.RougeL, r.Loss = s.N, s.Accuracy, s.Balanced, s.Exact, s.RougeL, s.Loss
	r.Labels, r.Shown = s.Labels, s.Shown
	var hits strings.Builder
	for _, p := range s.Rows {
		if p.OK {
			hits.WriteByte('1')
		} else {
			hits.WriteByte('0')
		}
		if s.Labels != nil {
			r.Gold = append(r.Gold, slices.Index(s.Labels, p.Want))
			r.Got = append(r.Got, slices.Index(s.Labels, p.Got))
		}
		if s.RougeL != nil {
			r.Rouge = append(r.Rouge, math.Round(p.Rouge*1e4)/1e4)
		}
	}
	r.Hits = hits.String()
}

// resultKey hashes all that decides a result, its name included.
func resultKey(r *eval.Result, o engine.EvalOptions) (string, error) {
	judged, err := nonzero(o)
	if err != nil {
		return "", err
	}
	b, err := json.Marshal([]any{r.Task, r.Data, r.Name, r.Shots, r.Seed, r.Metric, r.Base, r.Inventory, r.Settings, judged})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8]), nil
}

// nonzero is options as JSON, in order of their names, without those that are
// zero or empty: an option that comes later changes no key while it is off.
func nonzero(options any, but ...string) (json.RawMessage, error) {
	b, err := json.Marshal(options)
	if err != nil {
		return nil, err
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, err
	}
	for k, x := range m {
		if x == nil || x == "" || x == false || x == 0.0 || slices.Contains(but, k) {
			delete(m, k)
		}
	}
	return json.Marshal(m)
}

// identity is the name of a file or folder and a hash of its content: a file's
// sha256, or that of the lines "SHA256  NAME" of the folder's weights and JSON
// files in order, as sha256sum prints them.
func identity(path string) (string, error) {
	st, err := os.Stat(path)
	if err != nil && share.IsText(path) {
		b, err := share.FileOf(path)
		return fmt.Sprintf("link sha256:%x", sha256.Sum256(b)), err
	}
	if err != nil {
		return "", pathFault("read", path, err)
	}
	name := filepath.Base(filepath.Clean(path))
	if !st.IsDir() {
		h, err := fileHash(path)
		return name + " sha256:" + h, err
	}
	list, err := os.ReadDir(path)
	if err != nil {
		return "", pathFault("read", path, err)
	}
	all := sha256.New()
	for _, e := range list {
		if !slices.Contains([]string{".json", ".safetensors", ".gguf"}, filepath.Ext(e.Name())) {
			continue
		}
		h, err := fileHash(filepath.Join(path, e.Name()))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(all, "%s  %s\n", h, e.Name())
	}
	return name + " sha256:" + hex.EncodeToString(all.Sum(nil)), nil
}

func fileHash(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", pathFault("read", path, err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", pathFault("read", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// evalLog is the file of results; nil for none.
type evalLog struct {
	path string
	f    *os.File
	have map[string]*eval.Result
}

// openLog reads what a file holds and opens it to append. A part of a line,
// which a killed run may leave at its end, is cut off.
func openLog(path string) (*evalLog, error) {
	if path == "" {
		return nil, nil
	}
	l := &evalLog{path: path, have: map[string]*eval.Result{}}
	b, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return nil, pathFault("--out", path, err)
	}
	old, whole, err := eval.Parse(path, b)
	if err != nil {
		return nil, err
	}
	for i := range old {
		l.have[old[i].Key] = &old[i]
	}
	if l.f, err = os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644); err != nil {
		return nil, pathFault("--out", path, err)
	}
	if whole < len(b) {
		fmt.Fprintf(os.Stderr, "%s: %d bytes of an unfinished line removed\n", path, len(b)-whole)
		err = l.f.Truncate(int64(whole))
	} else if n := len(b); n > 0 && b[n-1] != '\n' {
		_, err = l.f.WriteString("\n")
	}
	if err != nil {
		l.f.Close()
		return nil, pathFault("--out", path, err)
	}
	return l, nil
}

func (l *evalLog) find(key string) *eval.Result {
	if l == nil {
		return nil
	}
	return l.have[key]
}

// add appends a line, in one write.
func (l *evalLog) add(r *eval.Result) error {
	if l == nil {
		return nil
	}
	b, err := r.Line()
	if err != nil {
		return err
	}
	if _, err := l.f.Write(b); err != nil {
		return pathFault("--out", l.path, err)
	}
	return nil
}

func (l *evalLog) close() {
	if l != nil {
		l.f.Close()
	}
}

// print writes the answer, and the plots.
func (v *evalFlags) print(c *cobra.Command, rows []eval.Result) error {
	if v.plots != "" {
		if err := v.draw(rows); err != nil {
			return err
		}
	}
	if v.asJSON {
		return printJSON(c, map[string]any{"rows": rows})
	}
	t := eval.Table{Head: []string{"<task", "<method", "shots", "seeds", "n", "<metric", "value", "<95 %", "accuracy", "loss", "trained", "seconds"}}
	for _, g := range eval.Groups(rows) {
		t.Add(g.Task, g.Name, fmt.Sprint(g.Shots), fmt.Sprint(len(g.Cells)), fmt.Sprint(g.N()), g.Cells[0].Metric, fmt.Sprintf("%.3f", g.Value()), g.Interval().String(),
			fmt.Sprintf("%.3f", g.Of(func(r *eval.Result) float64 { return r.Accuracy })), fmt.Sprintf("%.4f", g.Of(func(r *eval.Result) float64 { return r.Loss })),
			fmt.Sprint(g.Cells[0].Trainable), fmt.Sprintf("%.1f", g.Of(func(r *eval.Result) float64 { return r.Seconds })))
	}
	if v.markdown {
		return t.Markdown(c.OutOrStdout())
	}
	return t.Text(c.OutOrStdout())
}

// draw writes by-method.svg and, with several numbers of shots, by-shots.svg.
func (v *evalFlags) draw(rows []eval.Result) error {
	if err := os.MkdirAll(v.plots, 0o755); err != nil {
		return pathFault("--plots", v.plots, err)
	}
	over := eval.Over(eval.Groups(rows))
	files := map[string]func(string, []eval.Overall) ([]byte, error){"by-method.svg": chart.ByMethod}
	if len(v.shots) > 1 {
		files["by-shots.svg"] = chart.ByShots
	}
	for name, make := range files {
		b, err := make("", over)
		if err != nil {
			return err
		}
		p := filepath.Join(v.plots, name)
		if err := os.WriteFile(p, b, 0o644); err != nil {
			return pathFault("--plots", p, err)
		}
	}
	return nil
}
