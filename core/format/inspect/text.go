package inspect

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// Text is the summary for people. Names come out of files: what a terminal
// would not print as it stands is quoted.
func (s *Summary) Text() string {
	var b strings.Builder
	if s.Kind == "examples" {
		fmt.Fprintf(&b, "%s (%s), %d rows\n", s.Kind, s.Format, s.Rows)
	} else {
		fmt.Fprintf(&b, "%s (%s), %d parameters in %d tensors\n", s.Kind, s.Format, s.Params, len(s.Tensors))
	}
	if s.Note != "" {
		fmt.Fprintf(&b, "  cannot be used: %s\n", clean(s.Note))
	}
	for _, k := range slices.Sorted(maps.Keys(s.Config)) {
		if s.Config[k] != "" {
			fmt.Fprintf(&b, "  %-22s %s\n", clean(k), clean(s.Config[k]))
		}
	}
	for _, k := range slices.Sorted(maps.Keys(s.Bytes)) {
		fmt.Fprintf(&b, "  %-22s %d bytes\n", k, s.Bytes[k])
	}
	for _, t := range s.Tensors {
		fmt.Fprintf(&b, "%-60s %-5s %v\n", clean(t.Name), t.DType, t.Shape)
	}
	return b.String()
}

// clean quotes text with control characters or broken UTF-8.
func clean(s string) string {
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return fmt.Sprintf("%q", s)
		}
	}
	return s
}
