package main

import "golang.org/x/sys/unix"

// Requests for a terminal's settings.
const (
	getTermios = unix.TCGETS
	setTermios = unix.TCSETS
)

// clockSynced tells whether the kernel holds its clock for synchronized.
func clockSynced() bool {
	var tx unix.Timex
	state, err := unix.Adjtimex(&tx)
	return err == nil && state != unix.TIME_ERROR
}
