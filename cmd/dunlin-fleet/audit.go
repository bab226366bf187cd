package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/dunlin-edge/dunlin/fleet/controller"
)

func auditCommand() *cobra.Command {
	var asJSON, check bool
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "show who did what, or check that nobody changed that",
		Example: `  dunlin-fleet audit
  dunlin-fleet audit --check
  dunlin-fleet audit --json > audit.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			if check {
				var out struct {
					Lines int64 `json:"lines"`
				}
				if err := c.do(cmd.Context(), "GET", "/audit/check", nil, &out); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%d lines, each fits the one before\n", out.Lines)
				return nil
			}
			all := []controller.Entry{}
			for {
				var page []controller.Entry
				if err := c.do(cmd.Context(), "GET", fmt.Sprintf("/audit?after=%d", int64(len(all))), nil, &page); err != nil {
					return err
				}
				if all = append(all, page...); len(page) < 1000 {
					break
				}
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), all)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
			for _, e := range all {
				fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%.60s\n", e.N, time.UnixMilli(e.At).Format(time.DateTime), e.Author, e.Action, e.Object, e.Detail)
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&check, "check", false, "recompute the chain of hashes")
	return cmd
}

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
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
			fmt.Fprintf(w, "fleet\t%s\nbroker\t%s\n", t.Fleet, map[bool]string{true: "connected", false: "not connected"}[t.Broker])
			for _, s := range []string{"online", "degraded", "offline", "never-seen", "revoked"} {
				if n := t.Devices[s]; n > 0 {
					fmt.Fprintf(w, "%s\t%d\n", s, n)
				}
			}
			fmt.Fprintf(w, "since start\t%d chunks, %d records, %d repeated, %d refused, %d failed, %d over capacity\n", t.Chunks, t.Records, t.Repeat, t.Refused, t.Failed, t.Overrun)
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
