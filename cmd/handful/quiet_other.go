//go:build !linux

package main

// quietDrivers is for Mesa on Linux.
func quietDrivers() {}
