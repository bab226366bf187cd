package action

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
)

// TestLED: a board's own LED follows a label, and is off at the end.
func TestLED(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "sys/class/leds/ACT")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"max_brightness": "1", "brightness": "1", "trigger": "[none]"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	lit := func() bool {
		data, _ := os.ReadFile(filepath.Join(dir, "brightness"))
		return strings.TrimSpace(string(data)) == "1"
	}
	a, err := New(config.Action{Kind: config.LED, On: "event", Label: "yes", Queue: 4, Output: config.Output{Root: root, Line: "ACT"}}, nil, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil || lit() {
		t.Fatalf("lit %v, %v", lit(), err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); a.Run(t.Context()) }()
	a.Offer(t.Context(), &Record{Kind: "event", Event: "enter", Label: "yes"})
	for end := time.Now().Add(10 * time.Second); !lit(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it stays dark")
		}
	}
	a.Close()
	<-ended
	if lit() {
		t.Error("it is lit after the end")
	}
}
