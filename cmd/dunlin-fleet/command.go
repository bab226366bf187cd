package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/dunlin-edge/dunlin/fleet/controller"
)

func commandCommand() *cobra.Command {
	var life, wait time.Duration
	var args, pipeline string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "command DEVICE NAME",
		Short: "ask a device to do something once",
		Long: `Ask a device to do something once, and wait for what comes of it. A device runs
a command at most once, and never after its life is over; if the device
restarts in the middle, the answer is "interrupted".

Names:
  ping, status
  self-test            read every bundle again and compute its golden samples
  restart -p PIPELINE  begin anew, from fresh state
  rollback -p PIPELINE run the bundle of before, and refuse the one of now`,
		Example: `  dunlin-fleet command pi-1 ping
  dunlin-fleet command pi-1 status --json
  dunlin-fleet command pi-1 rollback -p machine
  dunlin-fleet command pi-1 status --life 24h --wait 0   # when it next connects`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, a []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			body := map[string]any{"device": a[0], "name": a[1], "life": life.String()}
			if args != "" {
				if !json.Valid([]byte(args)) {
					return &hinted{errors.New("--args is not JSON"), `write it like --args '{"level":"debug"}'`}
				}
				body["args"] = json.RawMessage(args)
			}
			if pipeline != "" {
				body["args"] = map[string]string{"pipeline": pipeline}
			}
			var s controller.CommandStatus
			if err := c.do(cmd.Context(), "POST", "/commands", body, &s); err != nil {
				return err
			}
			if s, err = c.follow(cmd.Context(), s, wait); err != nil {
				return err
			}
			return tellCommand(cmd, s, asJSON)
		},
	}
	cmd.Flags().DurationVar(&life, "life", 5*time.Minute, "the device may begin so long from now")
	cmd.Flags().DurationVar(&wait, "wait", 30*time.Second, "wait so long for the end")
	cmd.Flags().StringVar(&args, "args", "", "arguments, a JSON object")
	cmd.Flags().StringVarP(&pipeline, "pipeline", "p", "", "the pipeline that it is about")
	cmd.MarkFlagsMutuallyExclusive("args", "pipeline")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
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
