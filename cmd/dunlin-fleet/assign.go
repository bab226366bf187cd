package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/fleet/controller"
)

func assignCommand() *cobra.Command {
	var slot, query, waves, soak, timeout, tuning string
	var dry, wait, asJSON bool
	cmd := &cobra.Command{
		Use:   "assign [PATH]",
		Short: "bring a released bundle, or with --tuning a change of what devices let the fleet tune, to devices, wave by wave",
		Long: `Bring a released bundle to the devices that a query chooses, wave by wave. Each
device checks signatures and golden samples, and runs the bundle in the shadow
of the model in use before it lets it decide. A wave that fails stops the
release and takes it back; see the README for the rules of the gate.

Waves are numbers of devices or shares; the last is 100%. Devices that are
offline get theirs when they come back, and are never failures.

Queries compare fields with = != ~ !~ < <= > >=, joined by and, or, not:
id, state, version, labels.NAME, board.model, board.arch, board.memory,
pipeline.NAME.version and more.`,
		Example: `  dunlin-fleet assign models/machine/1.2.0.dunlin --dry-run
  dunlin-fleet assign models/machine/1.2.0.dunlin --query "labels.site = 'north'" --wait
  dunlin-fleet assign models/machine/1.2.0.dunlin --waves 2,25%,100% --soak 1h
  echo '{"captures": {"machine": {"below": 0.5, "min_interval_ms": 60000}}}' > tuning.json
  echo '{"enter": {"machine": {"bundle": "machine@1.0.0", "score": 0.8}}, "health_ms": 60000}' > tuning.json
  dunlin-fleet assign --tuning tuning.json --query "labels.site = 'north'"`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			body := map[string]any{"slot": slot, "query": query, "soak": soak, "timeout": timeout}
			if err := what(body, args, tuning); err != nil {
				return err
			}
			if body["waves"], err = controller.ParseWaves(waves); err != nil {
				return hintOf(err)
			}
			if dry {
				return planned(cmd, c, body, asJSON)
			}
			var a controller.Assignment
			if err := c.do(cmd.Context(), "POST", "/assignments", body, &a); err != nil {
				return err
			}
			if wait {
				return follow(cmd.Context(), cmd.OutOrStdout(), c, a.ID)
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), a)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "assignment %s: %s to %d devices; follow it with: dunlin-fleet assignment show %s --wait\n", a.ID, a.Bundle, total(a.Devices), a.ID)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&tuning, "tuning", "", "instead of PATH: file that says which windows devices capture, at which score decisions begin, how often health is read; for devices with fleet.tune: true")
	f.StringVar(&slot, "pipeline", "", "pipeline on the devices (default: the bundle's name)")
	f.StringVar(&query, "query", "", "which devices (default all)")
	f.StringVar(&waves, "waves", "1,10%,50%,100%", "sizes of the waves, counted from the first device")
	f.StringVar(&soak, "soak", "10m", "from the last result of a wave to the next wave")
	f.StringVar(&timeout, "timeout", "1h", "for a device that is online to decide")
	f.BoolVar(&dry, "dry-run", false, "only show which devices, in which waves, and which cannot run it")
	f.BoolVar(&wait, "wait", false, "follow it to its end; fails if it is aborted")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// what puts into a request what is to be assigned: a release or a tuning.
func what(body map[string]any, args []string, tuning string) error {
	if (len(args) == 1) == (tuning != "") {
		return errors.New("name what is to be assigned: PATH of a release, or --tuning FILE")
	}
	if tuning == "" {
		body["target"] = args[0]
		return nil
	}
	data, err := os.ReadFile(tuning)
	if err != nil {
		return err
	}
	t, err := fleet.ParseTuning(data)
	body["tuning"] = t
	return err
}

func planned(cmd *cobra.Command, c *client, body any, asJSON bool) error {
	var p controller.Plan
	if err := c.do(cmd.Context(), "POST", "/plans", body, &p); err != nil {
		return err
	}
	if asJSON {
		return printJSON(cmd.OutOrStdout(), p)
	}
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "%s to pipeline %s; nothing was sent\n", p.Bundle, p.Slot)
	for i, n := range p.Waves {
		fmt.Fprintf(w, "  wave %d: %d devices\n", i+1, n)
	}
	if p.Same > 0 {
		fmt.Fprintf(w, "%d of them run it already\n", p.Same)
	}
	if p.Forced != "" {
		fmt.Fprintf(w, "warning: %s\n", p.Forced)
	}
	for _, id := range slices.Sorted(maps.Keys(p.Cannot)) {
		fmt.Fprintf(w, "cannot: %s: %s\n", id, p.Cannot[id])
	}
	return nil
}

func total(byState map[string]int) int {
	n := 0
	for _, k := range byState {
		n += k
	}
	return n
}

func states(byState map[string]int) string {
	var parts []string
	for _, s := range []string{"done", "failed", "updating", "sent", "waiting", "superseded"} {
		if byState[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", byState[s], s))
		}
	}
	return strings.Join(parts, ", ")
}

// follow shows an assignment until it ends.
func follow(ctx context.Context, w io.Writer, c *client, id string) error {
	last := ""
	for {
		var a controller.Assignment
		if err := c.do(ctx, "GET", "/assignments/"+id, nil, &a); err != nil {
			return err
		}
		line := fmt.Sprintf("%s  wave %d/%d  %s  %s", a.State, a.Wave+1, len(a.Waves), states(a.Devices), a.Reason)
		if line != last {
			fmt.Fprintln(w, line)
			last = line
		}
		switch a.State {
		case "done":
			return nil
		case "aborted":
			return &hinted{errors.New("the assignment was aborted: " + a.Reason), "dunlin-fleet assignment show " + id + " tells what each device said"}
		case "paused":
			return &hinted{errors.New("the assignment is paused: " + a.Reason), "dunlin-fleet assignment promote|resume|abort " + id}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
}

func assignmentsCommand() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use: "assignments", Short: "list assignments, the newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			var all []controller.Assignment
			if err := c.do(cmd.Context(), "GET", "/assignments", nil, &all); err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), all)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tBUNDLE\tSTATE\tWAVE\tAGE\tDEVICES")
			for _, a := range all {
				fmt.Fprintf(w, "%s\t%s\t%s\t%d/%d\t%s\t%s\n", a.ID, a.Bundle, a.State, a.Wave+1, len(a.Waves), ago(a.Created), states(a.Devices))
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func assignmentCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "assignment", Short: "look at an assignment, and change its course"}
	cmd.AddCommand(assignmentShow())
	for what, short := range map[string]string{
		"pause": "stop at the wave that is open", "resume": "go on after a pause", "promote": "open the next wave now, whatever the gate says",
		"abort": "end it; devices go back to what they were assigned before", "abandon": "end it; devices that run the bundle keep it",
	} {
		cmd.AddCommand(&cobra.Command{
			Use: what + " ID", Short: short, Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				c, err := newClient(cmd)
				if err != nil {
					return err
				}
				var a controller.Assignment
				if err := c.do(cmd.Context(), "POST", "/assignments/"+args[0]+"/"+what, nil, &a); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s is %s, wave %d of %d\n", a.ID, a.State, a.Wave+1, len(a.Waves))
				return nil
			},
		})
	}
	return cmd
}

func assignmentShow() *cobra.Command {
	var wait, asJSON bool
	cmd := &cobra.Command{
		Use: "show ID", Short: "show an assignment and its devices", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			if wait {
				return follow(cmd.Context(), cmd.OutOrStdout(), c, args[0])
			}
			var a controller.Assignment
			if err := c.do(cmd.Context(), "GET", "/assignments/"+args[0], nil, &a); err != nil {
				return err
			}
			var devices []controller.AssignedDevice
			if err := c.do(cmd.Context(), "GET", "/assignments/"+args[0]+"/devices", nil, &devices); err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), struct {
					controller.Assignment
					List []controller.AssignedDevice `json:"list"`
				}{a, devices})
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintf(w, "%s  %s to pipeline %s  by %s %s ago\n%s: %s\n\n", a.ID, a.Bundle, a.Slot, a.Author, ago(a.Created), a.State, a.Reason)
			if a.Tuning != nil {
				text, err := json.Marshal(a.Tuning)
				if err != nil {
					return err
				}
				fmt.Fprintf(w, "%s\n\n", text)
			}
			fmt.Fprintln(w, "WAVE\tDEVICE\tSTATE\tAGE\tREASON")
			for _, d := range devices {
				fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\n", d.Wave+1, d.Device, d.State, ago(d.Since), d.Reason)
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&wait, "wait", false, "follow it to its end; fails if it is aborted")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
