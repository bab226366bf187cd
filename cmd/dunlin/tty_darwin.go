package main

import "golang.org/x/sys/unix"

// Requests for a terminal's settings.
const (
	getTermios = unix.TIOCGETA
	setTermios = unix.TIOCSETA
)

// clockSynced is taken for granted where only the tools run.
func clockSynced() bool { return true }
