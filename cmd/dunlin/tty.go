package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// defaultWidth is assumed where the terminal does not say.
const (
	defaultWidth  = 80
	defaultHeight = 24
)

func fileIsTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), getTermios)
	return err == nil
}

// terminalSize returns columns and rows of the terminal behind w.
func terminalSize(w any) (width, height int) {
	if f, ok := w.(*os.File); ok {
		if ws, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ); err == nil && ws.Col > 0 {
			return int(ws.Col), int(ws.Row)
		}
	}
	return defaultWidth, defaultHeight
}

func terminalWidth(w any) int {
	width, _ := terminalSize(w)
	return width
}

// rawKeys lets single keys through without Enter and without echo; the
// function it returns puts the terminal back. Signals from keys stay on.
func rawKeys(f *os.File) (restore func(), err error) {
	old, err := unix.IoctlGetTermios(int(f.Fd()), getTermios)
	if err != nil {
		return nil, err
	}
	raw := *old
	raw.Lflag &^= unix.ICANON | unix.ECHO
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(int(f.Fd()), setTermios, &raw); err != nil {
		return nil, err
	}
	return func() { unix.IoctlSetTermios(int(f.Fd()), setTermios, old) }, nil
}
