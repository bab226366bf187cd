// Command badagent is an update of the agent that says the right version and
// then does harm. It is part of a test.
package main

import (
	"fmt"
	"net"
	"os"
	"time"
)

// Set by the build.
var version, harm string

func main() {
	if len(os.Args) > 1 && os.Args[1] == "version" {
		fmt.Printf(`{"version":%q}`, version)
		return
	}
	switch harm {
	case "crash":
		os.Exit(3)
	case "panic":
		panic("worse than before")
	case "hang": // before it is ready
		time.Sleep(time.Hour)
	case "freeze": // later
		say("READY=1")
		time.Sleep(time.Hour)
	case "idle": // it feeds the watchdog and does nothing
		for {
			say("READY=1\nWATCHDOG=1")
			time.Sleep(100 * time.Millisecond)
		}
	}
}

func say(text string) {
	if c, err := net.Dial("unixgram", os.Getenv("NOTIFY_SOCKET")); err == nil {
		_, _ = c.Write([]byte(text))
		_ = c.Close()
	}
}
