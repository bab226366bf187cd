package main

import (
	"cmp"
	"fmt"
	"io"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/dunlin-edge/dunlin/fleet/controller"
)

func driftCommand() *cobra.Command {
	days, device, asJSON := 1, "", false
	cmd := &cobra.Command{
		Use:   "drift",
		Short: "compare what devices see with what their bundles were made for",
		Long: `Add up what devices saw in the last days, by bundle and board, and compare it
with the bundle's reference (PSI: 0.1 is a change, 0.25 a large one). Devices
that differ from the others of their kind are named.`,
		Example: "  dunlin-fleet drift --days 7\n  dunlin-fleet drift --json | jq '.[].outliers[].device'",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			var all []controller.Cohort
			if err := c.do(cmd.Context(), "GET", fmt.Sprintf("/drift?days=%d&device=%s", days, url.QueryEscape(device)), nil, &all); err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), all)
			}
			return listCohorts(cmd.OutOrStdout(), all)
		},
	}
	cmd.Flags().IntVar(&days, "days", 1, "today and so many days before, less one")
	cmd.Flags().StringVar(&device, "device", "", "only what this one saw")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, with all histograms")
	return cmd
}

func listCohorts(out io.Writer, all []controller.Cohort) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(out, "No histograms yet: a device sends them each hour.")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "PIPELINE\tBUNDLE\tBOARD\tDEVICES\tDECISIONS\tDIFFERS\tDEVICES THAT DIFFER")
	for _, x := range all {
		var features, devices []string
		for _, f := range x.Features {
			if f.Level == "warn" || f.Level == "alarm" {
				features = append(features, fmt.Sprintf("%s %.2f (%s)", f.Name, f.PSI, f.Level))
			}
		}
		for _, o := range x.Outliers {
			devices = append(devices, fmt.Sprintf("%s: %s %.2f", o.Device, o.Feature, o.PSI))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%s\t%s\n", x.Pipeline, cmp.Or(x.Bundle, x.Model[:12]), orDash(printable(x.Board)), x.Devices, x.Decisions,
			orDash(strings.Join(features, ", ")), orDash(strings.Join(devices, ", ")))
	}
	return w.Flush()
}
