package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/dunlin-edge/dunlin/fleet/controller"
)

func statusCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "status", Short: "show how the fleet fares", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			var t controller.Totals
			if err := c.do(cmd.Context(), "GET", "/status", nil, &t); err != nil || asJSON {
				if err == nil {
					err = printJSON(cmd.OutOrStdout(), t)
				}
				return err
			}
			return printTotals(cmd.OutOrStdout(), t)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printTotals(out io.Writer, t controller.Totals) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "fleet\t%s\nbroker\t%s\n", t.Fleet, map[bool]string{true: "connected", false: "not connected"}[t.Broker])
	for _, s := range slices.Sorted(maps.Keys(t.Devices)) {
		fmt.Fprintf(w, "%s\t%d\n", s, t.Devices[s])
	}
	fmt.Fprintf(w, "since start\t%d chunks, %d records, %d repeated, %d refused, %d failed, %d over capacity\n", t.Chunks, t.Records, t.Repeat, t.Refused, t.Failed, t.Overrun)
	return w.Flush()
}

func topCommand() *cobra.Command {
	every, once := 2*time.Second, false
	cmd := &cobra.Command{
		Use: "top", Short: "watch the fleet: states, rates, assignments, what happened last", Args: cobra.NoArgs,
		Example: "  dunlin-fleet top\n  dunlin-fleet top --once",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			var t top
			for {
				text, err := t.look(cmd.Context(), c)
				if err != nil {
					return err
				}
				if once {
					_, err := io.WriteString(cmd.OutOrStdout(), text)
					return err
				}
				// From the corner, each line to its end, and the rest of the screen.
				if _, err := io.WriteString(cmd.OutOrStdout(), "\x1b[H"+strings.ReplaceAll(text, "\n", "\x1b[K\n")+"\x1b[J"); err != nil {
					return err
				}
				select {
				case <-cmd.Context().Done():
					return nil
				case <-time.After(every):
				}
			}
		},
	}
	cmd.Flags().DurationVar(&every, "every", every, "between looks")
	cmd.Flags().BoolVar(&once, "once", false, "look once")
	return cmd
}

// top remembers the look before, for rates.
type top struct {
	before controller.Totals
	at     time.Time
}

func (t *top) look(ctx context.Context, c *client) (string, error) {
	var now controller.Totals
	var assignments []controller.Assignment
	var odd []controller.Device
	for path, v := range map[string]any{"/status": &now, "/assignments?limit=5": &assignments, "/devices?limit=8&query=state+%3D+degraded+or+state+%3D+updating": &odd} {
		if err := c.do(ctx, "GET", path, nil, v); err != nil {
			return "", err
		}
	}
	var out strings.Builder
	if err := printTotals(&out, now); err != nil {
		return "", err
	}
	if s := time.Since(t.at).Seconds(); !t.at.IsZero() && s > 0 {
		fmt.Fprintf(&out, "%.0f records/s in %.1f chunks/s\n", float64(now.Records-t.before.Records)/s, float64(now.Chunks-t.before.Chunks)/s)
	}
	t.before, t.at = now, time.Now()
	w := tabwriter.NewWriter(&out, 0, 8, 2, ' ', 0)
	if len(assignments) > 0 {
		fmt.Fprintln(w, "\nASSIGNMENT\tSTATE\tWAVE\tDEVICES\tAGE\tWHY")
	}
	for _, a := range assignments {
		fmt.Fprintf(w, "%s\t%s\t%d/%d\t%s\t%s\t%.60s\n", printable(a.Bundle), a.State, a.Wave+1, len(a.Waves), states(a.Devices), ago(a.Created), printable(a.Reason))
	}
	if len(odd) > 0 {
		fmt.Fprintln(w, "\nDEVICE\tSTATE\tHEARD\tWHY")
	}
	for _, d := range odd {
		fmt.Fprintf(w, "%s\t%s\t%s\t%.80s\n", d.ID, d.State, ago(d.Seen), printable(d.Reason))
	}
	return out.String(), w.Flush()
}
