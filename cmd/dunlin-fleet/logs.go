package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/dunlin-edge/dunlin/fleet/controller"
)

func logsCommand() *cobra.Command {
	lines, follow := 100, time.Duration(0)
	cmd := &cobra.Command{
		Use:   "logs DEVICE",
		Short: "print the last lines of a device's log, and those to come",
		Example: `  dunlin-fleet logs pi-1
  dunlin-fleet logs pi-1 --follow 10m`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, a []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			args := map[string]any{"lines": lines}
			if follow > 0 {
				args["follow"] = follow.String()
			}
			var s controller.CommandStatus
			if err := c.do(cmd.Context(), "POST", "/commands", map[string]any{"device": a[0], "name": "logs", "args": args}, &s); err != nil {
				return err
			}
			return c.tail(cmd.Context(), cmd.OutOrStdout(), s, follow+time.Minute)
		},
	}
	cmd.Flags().IntVarP(&lines, "lines", "n", 100, "lines of before")
	cmd.Flags().DurationVarP(&follow, "follow", "f", 0, "and what comes within this time, up to 1h")
	return cmd
}

// tail prints each line once, and says where some were missed.
func (c *client) tail(ctx context.Context, out io.Writer, s controller.CommandStatus, wait time.Duration) error {
	next, begun := uint64(0), false
	for end := time.Now().Add(wait); ; {
		var piece struct {
			First uint64   `json:"first"`
			Lines []string `json:"lines"`
		}
		if len(s.Output) > 0 && json.Unmarshal(s.Output, &piece) == nil {
			if begun && piece.First > next {
				fmt.Fprintf(out, "... %d lines missed\n", piece.First-next)
			}
			for i, line := range piece.Lines {
				if n := piece.First + uint64(i); !begun || n >= next {
					fmt.Fprintln(out, printable(line))
				}
			}
			next, begun = max(next, piece.First+uint64(len(piece.Lines))), true
		}
		switch {
		case s.State == "done":
			return nil
		case s.Final():
			return fmt.Errorf("%s: logs: %s: %s", s.Device, s.State, orDash(s.Error))
		case time.Now().After(end):
			return &hinted{fmt.Errorf("%s has not ended: it is %s", s.Device, s.State), "is the device connected? dunlin-fleet devices " + s.Device}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(300 * time.Millisecond):
		}
		if err := c.do(ctx, "GET", "/commands/"+s.ID, nil, &s); err != nil {
			return err
		}
	}
}

// printable keeps a device's control characters out of the terminal.
func printable(s string) string {
	clean := []rune(s)
	for i, r := range clean {
		if r < ' ' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			clean[i] = '?'
		}
	}
	return string(clean)
}
