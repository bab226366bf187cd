package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/dunlin-edge/dunlin/fleet/controller"
)

// commandFlags are what a command is given besides its name.
type commandFlags struct {
	life, wait            time.Duration
	query, args, pipeline string
	json                  bool
}

func commandCommand() *cobra.Command {
	var f commandFlags
	cmd := &cobra.Command{
		Use:   "command [DEVICE] NAME",
		Short: "ask a device, or all of a query, to do something once",
		Long: `Ask a device, or all devices of a query, to do something once, and wait for what
comes of it. A device runs a command at most once, and never after its life is
over; if the device restarts in the middle, the answer is "interrupted".

Names:
  ping, status
  self-test            read every bundle again and compute its golden samples
  restart -p PIPELINE  begin anew, from fresh state
  rollback -p PIPELINE run the bundle of before, and refuse the one of now
  capture -p PIPELINE  keep the next window whole, where captures are allowed
  bench -p PIPELINE    time its model beside it
  log-level            --args '{"level":"debug","for":"15m"}', then info again
  logs                 the last lines; see also: dunlin-fleet logs
  reboot               where the device's configuration allows it
  reload               read the configuration again`,
		Example: `  dunlin-fleet command pi-1 ping
  dunlin-fleet command pi-1 status --json
  dunlin-fleet command pi-1 rollback -p machine
  dunlin-fleet command self-test --query "labels.site = 'north'"
  dunlin-fleet command pi-1 status --life 24h --wait 0   # when it next connects`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, a []string) error {
			byQuery := cmd.Flags().Changed("query")
			if byQuery == (len(a) == 2) {
				return &hinted{errors.New("a command is to a device or to a query"), "dunlin-fleet command DEVICE NAME, or: dunlin-fleet command NAME --query QUERY; the empty query is every device"}
			}
			body, err := f.body(a[len(a)-1])
			if err != nil {
				return err
			}
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			if byQuery {
				body["query"] = f.query
				return c.commandAll(cmd, body, f)
			}
			body["device"] = a[0]
			return c.commandOne(cmd, body, f)
		},
	}
	cmd.Flags().StringVar(&f.query, "query", "", "to all devices that it chooses")
	cmd.Flags().DurationVar(&f.life, "life", 5*time.Minute, "a device may begin so long from now")
	cmd.Flags().DurationVar(&f.wait, "wait", 30*time.Second, "wait so long for the end")
	cmd.Flags().StringVar(&f.args, "args", "", "arguments, a JSON object")
	cmd.Flags().StringVarP(&f.pipeline, "pipeline", "p", "", "the pipeline that it is about")
	cmd.MarkFlagsMutuallyExclusive("args", "pipeline")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON")
	return cmd
}

// body is the request, without whom it is to.
func (f commandFlags) body(name string) (map[string]any, error) {
	body := map[string]any{"name": name, "life": f.life.String()}
	if f.args != "" {
		if !json.Valid([]byte(f.args)) {
			return nil, &hinted{errors.New("--args is not JSON"), `write it like --args '{"level":"debug"}'`}
		}
		body["args"] = json.RawMessage(f.args)
	}
	if f.pipeline != "" {
		body["args"] = map[string]string{"pipeline": f.pipeline}
	}
	return body, nil
}

func (c *client) commandOne(cmd *cobra.Command, body map[string]any, f commandFlags) error {
	var s controller.CommandStatus
	if err := c.do(cmd.Context(), "POST", "/commands", body, &s); err != nil {
		return err
	}
	s, err := c.follow(cmd.Context(), s, f.wait)
	if err != nil {
		return err
	}
	return tellCommand(cmd, s, f.json)
}

// commandAll gives a command to a query, and prints each device's end.
func (c *client) commandAll(cmd *cobra.Command, body map[string]any, f commandFlags) error {
	ctx := cmd.Context()
	var b controller.Batch
	if err := c.do(ctx, "POST", "/commands", body, &b); err != nil {
		return err
	}
	for end := time.Now().Add(f.wait); openOf(b) > 0 && time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
		if err := c.do(ctx, "GET", "/batches/"+b.ID, nil, &b); err != nil {
			return err
		}
	}
	var all []controller.CommandStatus
	for after := ""; ; {
		var page []controller.CommandStatus
		if err := c.do(ctx, "GET", "/batches/"+b.ID+"/commands?after="+after, nil, &page); err != nil {
			return err
		}
		if all = append(all, page...); len(page) < 1000 {
			break
		}
		after = page[len(page)-1].Device
	}
	if f.json {
		return printJSON(cmd.OutOrStdout(), map[string]any{"batch": b, "commands": all})
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "DEVICE\tSTATE\tOUTPUT")
	for _, s := range all {
		fmt.Fprintf(w, "%s\t%s\t%.100s\n", s.Device, s.State, cmp.Or(s.Error, string(s.Output)))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if bad := len(all) - b.Devices["done"]; bad > 0 {
		return &hinted{fmt.Errorf("%d of %d devices have not done it", bad, len(all)), "those still waiting may begin until " + b.NotAfter.Local().Format(time.TimeOnly)}
	}
	return nil
}

// openOf counts the commands of a batch that have not ended.
func openOf(b controller.Batch) int {
	return b.Devices["waiting"] + b.Devices["accepted"] + b.Devices["progress"]
}

// follow asks until the command has ended or the wait is over.
func (c *client) follow(ctx context.Context, s controller.CommandStatus, wait time.Duration) (controller.CommandStatus, error) {
	for end := time.Now().Add(wait); !s.Final() && time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return s, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
		if err := c.do(ctx, "GET", "/commands/"+s.ID, nil, &s); err != nil {
			return s, err
		}
	}
	return s, nil
}

func tellCommand(cmd *cobra.Command, s controller.CommandStatus, asJSON bool) error {
	if asJSON {
		return printJSON(cmd.OutOrStdout(), s)
	}
	switch {
	case s.State == "done":
		fmt.Fprintf(cmd.OutOrStdout(), "%s %s: done in %s\n", s.Device, s.Name, s.Updated.Sub(s.Created))
	case s.Final():
		return fmt.Errorf("%s %s: %s: %s", s.Device, s.Name, s.State, orDash(s.Error))
	default:
		fmt.Fprintf(cmd.OutOrStdout(), "%s %s: %s; the device may begin until %s\n", s.Device, s.Name, s.State, s.NotAfter.Local().Format(time.TimeOnly))
	}
	if len(s.Output) > 0 {
		return printJSON(cmd.OutOrStdout(), s.Output)
	}
	return nil
}
