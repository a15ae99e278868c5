package safetensors

import (
	"encoding/json"
	"math"

	"handful/core/fault"
)

// scanner walks a header, whose grammar is small and of fixed depth:
//
//	{ "__metadata__": {string: string, …}, name: {"dtype": string, "shape": [n, …], "data_offsets": [n, n]}, … }
//
// A JSON library would be more lenient where leniency hurts (it keeps the last
// of two equal keys, takes "Dtype" for "dtype", mends broken UTF-8) and slower
// on a header that is only there to be refused. The first fault stays in err
// and ends the walk.
type scanner struct {
	s   string
	at  int
	err error
}

func (p *scanner) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fault.Inputf(op, "header, byte %d: "+format, append([]any{p.at}, args...)...)
	}
}

// next skips white space and gives the byte after it, 0 at the end.
func (p *scanner) next() byte {
	for ; p.at < len(p.s); p.at++ {
		switch c := p.s[p.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// take consumes c if it is next.
func (p *scanner) take(c byte) bool {
	if p.err != nil || p.next() != c {
		return false
	}
	p.at++
	return true
}

func (p *scanner) want(c byte) {
	if !p.take(c) {
		p.fail("want %q", c)
	}
}

// items calls each for every comma-separated item up to the closing byte.
func (p *scanner) items(opening, closing byte, each func()) {
	p.want(opening)
	if p.take(closing) {
		return
	}
	for p.err == nil {
		each()
		if p.take(closing) {
			return
		}
		p.want(',')
	}
}

// object calls each with every key, the scanner standing at its value.
func (p *scanner) object(each func(key string)) {
	p.items('{', '}', func() {
		key := p.text()
		p.want(':')
		if p.err == nil {
			each(key)
		}
	})
}

// text reads a string. Without escapes it is a part of the header, no copy.
func (p *scanner) text() string {
	p.want('"')
	start, escaped := p.at, false
	for ; p.err == nil && p.at < len(p.s); p.at++ {
		switch c := p.s[p.at]; {
		case c == '"':
			p.at++
			if raw := p.s[start : p.at-1]; !escaped {
				return raw
			}
			var s string
			if err := json.Unmarshal([]byte(p.s[start-1:p.at]), &s); err != nil {
				p.fail("a malformed string")
			}
			return s
		case c == '\\':
			escaped = true
			p.at++
		case c < ' ':
			p.fail("a control character in a string")
		}
	}
	p.fail("a string without end")
	return ""
}

// number reads a whole number from 0 to 2^63-1, as JSON writes it.
func (p *scanner) number() int64 {
	c := p.next()
	start, v := p.at, int64(0)
	for ; p.at < len(p.s) && p.s[p.at] >= '0' && p.s[p.at] <= '9'; p.at++ {
		d := int64(p.s[p.at] - '0')
		if v > (math.MaxInt64-d)/10 {
			p.fail("a number above 2^63-1")
			return 0
		}
		v = v*10 + d
	}
	switch n := p.at - start; {
	case n == 0 && c == '-':
		p.fail("a negative number")
	case n == 0 || n > 1 && c == '0':
		p.fail("want a whole number")
	}
	return v
}
