package share

import (
	"encoding/base64"
	"sort"
	"strings"

	"handful/core/fault"
)

const (
	// MostCode is how long a code may be: links of 8,000 characters pass where
	// people send them.
	MostCode = 8000
	mark     = "h1."
	longest  = 64 << 10 // characters that are looked at
	asFile   = "save it as a .handful file"
)

// Code makes a code of at most most characters that tells the mixture as
// finely as fits, in a.Levels-ths at most where it is told in such already. It
// gives what the code says. What has no mixture, or would have to be told more
// coarsely than in FewestLevels-ths, is Unsupported.
func Code(a *Adapter, most int) (code string, told *Adapter, err error) {
	if a.Mixture == nil {
		return "", nil, fault.Unsupportedf(op, "%s learns more than fits into a link, which takes a mixture of skills", a.Method).Next(asFile)
	}
	if n := len(a.Examples) + len(a.Held) + len(a.Instruction); n > mostShort/2 {
		return "", nil, fault.Unsupportedf(op, "%d bytes of examples are more than a link takes", n).Next(asFile)
	}
	c := *a
	c.Run = nil
	finest := MostLevels
	if a.Levels > 0 {
		finest = a.Levels
	}
	steps := max(finest-FewestLevels, 0) + 1
	length := 0
	coarser := sort.Search(steps, func(i int) bool {
		var b []byte
		c.Levels = finest - i
		if b, err = c.encode(); err != nil {
			return true
		}
		length = len(mark) + base64.RawURLEncoding.EncodedLen(len(b))
		return length <= most
	})
	if err != nil {
		return "", nil, err
	}
	if coarser == steps {
		return "", nil, fault.Unsupportedf(op, "%d characters in %dths, want at most %d", length, c.Levels, most).Next(asFile)
	}
	c.Levels = finest - coarser
	b, err := c.encode()
	if err != nil {
		return "", nil, err
	}
	told, err = decode(b, mostShort)
	return mark + base64.RawURLEncoding.EncodeToString(b), told, err
}

// IsText tells that a text means to be a code, or a link with one.
func IsText(s string) bool { return strings.Contains(s, "://") || version(s) > 0 }

// version is the format that a code says it is in, 0 for no code.
func version(s string) int {
	if len(s) > 2 && s[0] == 'h' && s[1] >= '1' && s[1] <= '9' && s[2] == '.' {
		return int(s[1] - '0')
	}
	return 0
}

// FromText reads a code, or a link that ends with one.
func FromText(s string) (*Adapter, error) {
	b, err := bytesOf(s)
	if err != nil {
		return nil, err
	}
	return decode(b, mostShort)
}

// FileOf is a code, or a link's, as a .handful file.
func FileOf(s string) ([]byte, error) {
	b, err := bytesOf(s)
	if err == nil {
		_, err = decode(b, mostShort)
	}
	return append([]byte(magic), b...), err
}

// bytesOf is what a code's characters say.
func bytesOf(s string) ([]byte, error) {
	s = strings.TrimSpace(s)
	if len(s) > longest {
		return nil, fault.Inputf(op, "%d characters, want at most %d", len(s), longest).Next("check that it is a link that Share has made")
	}
	if _, code, ok := strings.Cut(s, "#"); ok {
		s = code
	}
	switch version(s) {
	case 0:
		return nil, fault.Inputf(op, "%.40q is no fine-tune, want %s…", s, mark).Next("check that all of the link was copied")
	case 1:
	default:
		return nil, fault.Unsupportedf(op, "format %s, want 1", s[1:2]).Next("get a newer version of this program")
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s[len(mark):])
	if err != nil {
		return nil, fault.Inputf(op, "%w", err).Next(again)
	}
	return b, nil
}
