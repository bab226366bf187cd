package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// oneAction loads a configuration with one action.
func oneAction(t *testing.T, action string) (*Config, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "agent.yaml")
	drivers := []Driver{{Name: "none", Parse: func(*Fields) any { return nil }}}
	text := "sources: {s: {driver: none}}\npipelines: {p: {source: s, bundle: x, actions: [{" + action + "}]}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(file, drivers)
}

// TestOutputs: what drives the board, and what is missing for it.
func TestOutputs(t *testing.T) {
	for action, want := range map[string]Output{
		"led: ACT, label: yes, pulse: 1s":            {Line: "ACT", Pulse: 1e9},
		"gpio: header/11, label: yes":                {Line: "header/11"},
		"display: i2c-1, on: result":                 {Bus: "i2c-1", Address: 0x3c, Height: 64},
		"display: i2c-3, address: 0x3d, height: 32":  {Bus: "i2c-3", Address: 0x3d, Height: 32},
		"gpio: GPIO17, label: yes, active_low: true": {Line: "GPIO17", ActiveLow: true},
	} {
		cfg, err := oneAction(t, action)
		if err != nil {
			t.Errorf("%s: %v", action, err)
			continue
		}
		if got := cfg.Pipelines[0].Actions[0].Output; got != want {
			t.Errorf("%s: %+v, want %+v", action, got, want)
		}
	}
	for action, want := range map[string]string{
		"led: ACT":                         "an output needs a label",
		"led: ACT, label: yes, period: 1s": "period",
		"display: i2c-1, address: 0x50":    "outside",
		"display: i2c-1, pulse: 1s":        "pulse",
		"led: ACT, display: i2c-1":         "names 2 kinds",
	} {
		if _, err := oneAction(t, action); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", action, err, want)
		}
	}
}
