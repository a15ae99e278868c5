package task

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
)

// table tells whether a text's first line is the header of a table: one that
// names an input and an output column.
func table(text []byte) (comma rune, ok bool) {
	first, _, _ := bytes.Cut(text, []byte("\n"))
	for _, c := range []rune{'\t', ',', ';'} {
		r := csv.NewReader(bytes.NewReader(first))
		r.Comma = c
		if head, err := r.Read(); err == nil && column(head, inputKeys) >= 0 && column(head, outputKeys) >= 0 {
			return c, true
		}
	}
	return 0, false
}

func column(head []string, keys []string) int {
	for _, k := range keys {
		for i, h := range head {
			if strings.EqualFold(strings.TrimSpace(h), k) {
				return i
			}
		}
	}
	return -1
}

func parseTable(p *Parsed, data []byte, comma rune) {
	if p.Format = CSV; comma == '\t' {
		p.Format = TSV
	}
	r := csv.NewReader(bytes.NewReader(data))
	r.Comma, r.FieldsPerRecord = comma, -1
	head, err := r.Read()
	if err != nil {
		p.fail(1, "malformed header: %v", err)
		return
	}
	in, out, instr := column(head, inputKeys), column(head, outputKeys), column(head, []string{"instruction"})
	for {
		rec, err := r.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			var bad *csv.ParseError
			if errors.As(err, &bad) {
				p.fail(bad.StartLine, "column %d: %v", bad.Column, bad.Err)
				if errors.Is(bad.Err, csv.ErrQuote) || errors.Is(bad.Err, csv.ErrBareQuote) {
					continue
				}
			}
			break
		}
		line, _ := r.FieldPos(0)
		if len(rec) == 1 && strings.TrimSpace(rec[0]) == "" {
			continue
		}
		if in >= len(rec) || out >= len(rec) {
			p.fail(line, "%d columns, the header has %d", len(rec), len(head))
			continue
		}
		ex := Example{Input: rec[in], Output: rec[out], Line: line}
		if instr >= 0 && instr < len(rec) {
			ex.Instruction = rec[instr]
		}
		p.add(ex)
	}
	if len(p.Examples) == 0 && p.Bad == 0 {
		p.fail(1, "a header and no rows; give at least one row")
	}
}
