package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// replay computes again, on this machine, a window that the wrong model decided
// otherwise on the device.
func (d *demo) replay(ctx context.Context) error {
	config := filepath.Join(d.dir, "agent", "agent.yaml")
	list := func() string {
		out, err := exec.CommandContext(ctx, d.dunlin, "capture", "ls", "--json", "--config", config).Output()
		var all []struct{ ID string }
		if err != nil || json.Unmarshal(out, &all) != nil || len(all) == 0 {
			return ""
		}
		return all[0].ID
	}
	id := list()
	if id == "" { // the agent was not in the first wave: let it try, too
		_, err := d.quiet(ctx, "assign", "models/machine/1.1.0.dunlin", "--query", "id = demo", "--waves", "100%", "--soak", "1s", "--wait")
		if id = list(); id == "" {
			return fmt.Errorf("no disagreement was kept: %w", err)
		}
	}
	file := filepath.Join(d.dir, "disagreement")
	data, err := exec.CommandContext(ctx, d.dunlin, "capture", "export", id, "--config", config).Output()
	if err == nil {
		err = os.WriteFile(file, data, 0o600)
	}
	if err != nil {
		return fmt.Errorf("export a capture: %w", err)
	}
	d.say("   $ dunlin capture export %.8s > disagreement; dunlin replay disagreement --bundle machine-1.1.0.dunlin", id)
	out, err := exec.CommandContext(ctx, d.dunlin, "replay", file, "--bundle", d.bundle("1.1.0")).CombinedOutput()
	d.say("%s", indent(string(out)))
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	return nil
}
