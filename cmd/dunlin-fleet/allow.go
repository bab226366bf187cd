package main

import (
	"fmt"
	"net/url"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/dunlin-edge/dunlin/fleet/controller"
)

func allowCommand() *cobra.Command {
	var labels map[string]string
	cmd := &cobra.Command{
		Use:   "allow [DEVICE...]",
		Short: "let devices enrol that wait for it; without names, list them",
		Long: `Let devices enrol that have asked with a token of an image (dunlin-fleet token
--image), or that will. Without names it lists those that wait.`,
		Example: `  dunlin-fleet allow
  dunlin-fleet allow cam-1f2e3d4c cam-5a6b7c8d --label site=north
  dunlin-fleet allow rm cam-1f2e3d4c`,
		RunE: func(cmd *cobra.Command, names []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			if len(names) > 0 {
				return c.do(cmd.Context(), "POST", "/allowed", map[string]any{"devices": names, "labels": labels}, &struct{}{})
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
			fmt.Fprintln(w, "DEVICE\tKEY\tASKED")
			for after := ""; ; {
				var page []controller.Waiting
				if err := c.do(cmd.Context(), "GET", "/pending?after="+after, nil, &page); err != nil {
					return err
				}
				for _, d := range page {
					fmt.Fprintf(w, "%s\t%.16s\t%s ago\n", d.Device, d.Key, ago(d.Asked))
					after = d.Device
				}
				if len(page) < 1000 {
					return w.Flush()
				}
			}
		},
	}
	cmd.Flags().StringToStringVar(&labels, "label", nil, "label of these devices, key=value")
	cmd.AddCommand(&cobra.Command{Use: "rm DEVICE", Short: "take an allowance back", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, a []string) error {
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		return c.do(cmd.Context(), "DELETE", "/allowed/"+url.PathEscape(a[0]), nil, &struct{}{})
	}})
	return cmd
}
