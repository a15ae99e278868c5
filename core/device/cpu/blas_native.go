//go:build !js

package cpu

import (
	"strings"

	"handful/core/fault"
)

// natives are the families of products that this processor runs, the fastest
// first.
func natives() []products { return append(vectors(), gonumBlas{}, goBlas{}) }

func defaultBlas() products { return natives()[0] }

func platform(family string) (products, error) {
	var names []string
	for _, p := range natives() {
		if family == "" || family == p.family() {
			return p, nil
		}
		names = append(names, p.family())
	}
	return nil, fault.Inputf("device", "cpu has no kernel family %q here, want %s", family, strings.Join(names, " or ")).Next("leave the family out to take the fastest")
}
