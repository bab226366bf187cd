package main

import (
	"fmt"
	"net/url"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/dunlin-edge/dunlin/fleet/controller"
)

func groupCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "group",
		Short: "list the groups: queries by name, which others use as @NAME",
		Example: `  dunlin-fleet group set north "labels.site = 'north'"
  dunlin-fleet group set canaries "@north and board.model ~ 'Pi 5'"
  dunlin-fleet assign models/machine/1.2.0.dunlin --query "@canaries"
  dunlin-fleet group rm canaries`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			var all []controller.Group
			if err := c.do(cmd.Context(), "GET", "/groups", nil, &all); err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), all)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
			fmt.Fprintln(w, "GROUP\tQUERY\tBY\tCHANGED")
			for _, g := range all {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s ago\n", g.Name, g.Query, g.Author, ago(g.Updated))
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	set := &cobra.Command{Use: "set NAME QUERY", Short: "make or change a group", Args: cobra.ExactArgs(2), RunE: func(cmd *cobra.Command, a []string) error {
		return changeGroup(cmd, "PUT", a[0], map[string]string{"query": a[1]})
	}}
	rm := &cobra.Command{Use: "rm NAME", Short: "forget a group", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, a []string) error {
		return changeGroup(cmd, "DELETE", a[0], nil)
	}}
	cmd.AddCommand(set, rm)
	return cmd
}

func changeGroup(cmd *cobra.Command, method, name string, body any) error {
	c, err := newClient(cmd)
	if err != nil {
		return err
	}
	return c.do(cmd.Context(), method, "/groups/"+url.PathEscape(name), body, &struct{}{})
}
