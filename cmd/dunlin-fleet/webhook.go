package main

import (
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/dunlin-edge/dunlin/fleet/controller"
)

func webhookCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "webhook",
		Short: "list who is told what happens",
		Example: `  dunlin-fleet webhook set chat https://chat.example.org/hook
  dunlin-fleet webhook set pager https://pager.example.org --action device.failed --action 'drift.*'
  dunlin-fleet webhook rm chat`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			var all []controller.Webhook
			if err := c.do(cmd.Context(), "GET", "/webhooks", nil, &all); err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
			fmt.Fprintln(w, "NAME\tADDRESS\tACTIONS\tTOLD UP TO LINE\tFAILS")
			for _, h := range all {
				fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", h.Name, h.URL, strings.Join(h.Actions, " "), h.Told, orDash(printable(h.Failed)))
			}
			return w.Flush()
		},
	}
	var actions []string
	set := &cobra.Command{
		Use: "set NAME URL", Short: "tell an address what happens from now on", Args: cobra.ExactArgs(2),
		Long: `Tell an address what happens from now on: lines of the audit log, in their order
and at least once, signed in the way of Standard Webhooks with the secret that
this prints. Without --action: assignment.*, device.failed and drift.*.`,
		RunE: func(cmd *cobra.Command, a []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			var made controller.Webhook
			if err := c.do(cmd.Context(), "PUT", "/webhooks/"+url.PathEscape(a[0]), map[string]any{"url": a[1], "actions": actions}, &made); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), made.Secret)
			return err
		},
	}
	set.Flags().StringArrayVar(&actions, "action", nil, "what to tell, a name or a pattern")
	cmd.AddCommand(set, &cobra.Command{Use: "rm NAME", Short: "tell it no more", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, a []string) error {
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		return c.do(cmd.Context(), "DELETE", "/webhooks/"+url.PathEscape(a[0]), nil, &struct{}{})
	}})
	return cmd
}
