//go:build js

package cpu

import "handful/core/fault"

func defaultBlas() products { return goBlas{} }

func platform(family string) (products, error) {
	if family != "" && family != "go" {
		return nil, fault.Inputf("device", "cpu has no kernel family %q here, want go", family)
	}
	return goBlas{}, nil
}
