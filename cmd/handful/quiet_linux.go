package main

import (
	"os"
	"syscall"
)

// quietDrivers keeps Mesa's device-select layer from writing lines to stderr
// where there is no session to ask for the preferred GPU. The layer is C and
// reads the environment that the process began with, so the program starts
// itself again, once, with the layer off.
func quietDrivers() {
	if os.Getenv("XDG_RUNTIME_DIR") != "" || os.Getenv("NODEVICE_SELECT") != "" {
		return
	}
	self, err := os.Executable()
	if err != nil {
		return
	}
	_ = syscall.Exec(self, os.Args, append(os.Environ(), "NODEVICE_SELECT=1")) // else a few stray lines
}
