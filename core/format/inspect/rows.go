package inspect

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"handful/core/fault"
	"handful/core/format"
)

// maxLine bounds a row of examples.
const maxLine = 1 << 20

// examples counts a file's rows and, of JSON lines, their fields. What the
// rows mean is for those who train on them.
func examples(b format.NamedBlob) (*Summary, error) {
	s := newSummary("examples", "text")
	if format.SniffBlob(b) == "json" {
		s.Format = "jsonl"
	}
	fields := map[string]int{}
	lines := bufio.NewScanner(io.NewSectionReader(b, 0, b.Size()))
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSpace(bytes.TrimPrefix(lines.Bytes(), []byte("\xef\xbb\xbf")))
		if len(line) == 0 {
			continue
		}
		s.Rows++
		if s.Format != "jsonl" {
			continue
		}
		var row map[string]json.RawMessage
		if err := json.Unmarshal(line, &row); err != nil {
			return nil, fault.Inputf("inspect", "%s, line %d: not a JSON object: %w", b.Name, n, err).Next("write one object a line")
		}
		for k := range row {
			fields[k]++
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, fault.Inputf("inspect", "%s: a line of more than %d bytes", b.Name, maxLine).Next("write one row a line")
	} else if err != nil {
		return nil, fault.From("inspect", err)
	}
	var names []string
	for k, n := range fields {
		if n < s.Rows {
			k = fmt.Sprintf("%s (%d)", k, n)
		}
		names = append(names, k)
	}
	slices.Sort(names)
	s.Config["fields"] = strings.Join(names[:min(20, len(names))], ", ")
	return s, nil
}
