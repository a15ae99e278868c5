// Package lavapipe finds Mesa's Vulkan driver that computes on the CPU, so that
// what needs a GPU means the same on every machine.
package lavapipe

import (
	"os"
	"path/filepath"
)

// Env points the Vulkan loader at it: NAME=VALUE, or nothing where the driver is
// not there or another was chosen.
func Env() []string {
	if os.Getenv(name) != "" || os.Getenv("VK_DRIVER_FILES") != "" {
		return nil
	}
	found, err := filepath.Glob("/usr/share/vulkan/icd.d/lvp_icd*.json")
	if err != nil || len(found) == 0 {
		return nil
	}
	return []string{name + "=" + found[0]}
}

const name = "VK_ICD_FILENAMES"

// Use does the same for this process.
func Use() {
	for _, e := range Env() {
		os.Setenv(name, e[len(name)+1:])
	}
}
