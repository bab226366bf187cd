package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"sort"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/dunlin-edge/dunlin/fleet/controller"
)

func devicesCommand() *cobra.Command {
	var asJSON bool
	query := ""
	cmd := &cobra.Command{
		Use:   "devices [ID]",
		Short: "list the devices, or show one",
		Example: `  dunlin-fleet devices
  dunlin-fleet devices --query "labels.site = 'north' and board.model ~ 'Pi 5'"
  dunlin-fleet devices pi-1
  dunlin-fleet devices --json | jq '.[] | select(.state != "online") | .id'
  dunlin-fleet devices revoke pi-1      # locked out at once
  dunlin-fleet devices rm pi-1          # locked out, and the name is free again`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				return showDevice(cmd, c, args[0], asJSON)
			}
			all, err := c.allDevices(cmd.Context(), query)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), all)
			}
			return listDevices(cmd.OutOrStdout(), all)
		},
	}
	cmd.Flags().StringVar(&query, "query", "", "only those that it chooses")
	cmd.PersistentFlags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.AddCommand(
		deviceAction("revoke", "lock a device out for good", "POST", "/revoke"),
		deviceAction("rm", "lock a device out and forget its name", "DELETE", ""))
	return cmd
}

func deviceAction(name, short, method, suffix string) *cobra.Command {
	return &cobra.Command{
		Use: name + " ID", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			return c.do(cmd.Context(), method, "/devices/"+url.PathEscape(args[0])+suffix, nil, &struct{}{})
		},
	}
}

func (c *client) allDevices(ctx context.Context, query string) ([]controller.Device, error) {
	all := []controller.Device{}
	for after := ""; ; {
		var page []controller.Device
		if err := c.do(ctx, "GET", "/devices?query="+url.QueryEscape(query)+"&after="+url.QueryEscape(after), nil, &page); err != nil {
			return nil, err
		}
		if all = append(all, page...); len(page) < 1000 {
			return all, nil
		}
		after = page[len(page)-1].ID
	}
}

func listDevices(out io.Writer, all []controller.Device) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(out, "No device has enrolled. Make a token with: dunlin-fleet token")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "DEVICE\tSTATE\tSINCE\tSEEN\tVERSION\tBOARD\tPIPELINES")
	for _, d := range all {
		version, board, pipes := "-", "-", "-"
		if r := d.Reported; r != nil {
			version, board = r.Version, r.Board.Arch
			var names []string
			for _, p := range r.Pipelines {
				names = append(names, p.Name+"="+p.Label)
			}
			pipes = strings.Join(names, " ")
			if r.Simulated {
				board += " [simulated]"
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%.40s\n", d.ID, d.State, ago(d.Since), ago(d.Seen), version, board, pipes)
	}
	return w.Flush()
}

func showDevice(cmd *cobra.Command, c *client, id string, asJSON bool) error {
	var d controller.Device
	var ledgers []controller.Ledger
	path := "/devices/" + url.PathEscape(id)
	if err := c.do(cmd.Context(), "GET", path, nil, &d); err != nil {
		return err
	}
	if err := c.do(cmd.Context(), "GET", path+"/ledgers", nil, &ledgers); err != nil {
		return err
	}
	if asJSON {
		return printJSON(cmd.OutOrStdout(), map[string]any{"device": d, "telemetry": ledgers})
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "device\t%s\nstate\t%s for %s\n", d.ID, d.State, ago(d.Since))
	if d.Reason != "" {
		fmt.Fprintf(w, "reason\t%s\n", d.Reason)
	}
	fmt.Fprintf(w, "seen\t%s ago\nlabels\t%s\ncertificate\tuntil %s\n", ago(d.Seen), labelText(d.Labels), d.CertEnds.Format(time.DateOnly))
	if r := d.Reported; r != nil {
		fmt.Fprintf(w, "agent\t%s on %s, %s, %d CPUs, %d MB, kernels %s\n", r.Version, orDash(r.Board.Model), r.Board.Arch, r.Board.CPUs, r.Board.Memory>>20, r.Board.Tier)
		for _, p := range r.Pipelines {
			fmt.Fprintf(w, "pipeline\t%s: %s@%s %.12s %s, %.1f/s, p95 %d us, decided %s\n", p.Name, p.Bundle, p.Version, p.Digest, p.State, p.Rate, p.P95, orDash(p.Label))
		}
	}
	for _, l := range ledgers {
		fmt.Fprintf(w, "telemetry\tepoch %d: %d delivered, %s, complete below %d\n", l.Epoch, l.Delivered, gapText(l.Gaps), l.Hi)
	}
	return w.Flush()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func labelText(m map[string]string) string {
	var all []string
	for k, v := range m {
		all = append(all, k+"="+v)
	}
	sort.Strings(all)
	return orDash(strings.Join(all, " "))
}

func gapText(m map[string]uint64) string {
	if len(m) == 0 {
		return "none lost"
	}
	var all []string
	for why, n := range m {
		all = append(all, fmt.Sprintf("%d %s", n, why))
	}
	sort.Strings(all)
	return "declared lost: " + strings.Join(all, ", ")
}
