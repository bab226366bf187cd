package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func tokenCommand() *cobra.Command {
	var uses int
	var life time.Duration
	var labels map[string]string
	var asJSON, image bool
	cmd := &cobra.Command{
		Use:   "token",
		Short: "make an enrolment token",
		Long: `Make a token by which devices enrol, and print the command to run on them. The
token carries the hash of the fleet's CA, so that a device trusts this
controller and no other. Only a hash of its secret is kept here.`,
		Example: `  dunlin-fleet token
  dunlin-fleet token --uses 40 --life 72h --label site=north
  dunlin-fleet token --image --uses 1000 --life 8760h   # for an image; see dunlin-fleet allow`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			var out struct {
				Token string `json:"token"`
			}
			if err := c.do(cmd.Context(), "POST", "/tokens", map[string]any{"uses": uses, "life": life.String(), "labels": labels, "listed": image}, &out); err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), map[string]string{"url": c.devices, "token": out.Token})
			}
			if image {
				fmt.Fprintf(cmd.OutOrStdout(), "In agent.yaml of the image, for %d device(s) within %s; dunlin-fleet allow lets each in:\n\n  fleet: {dir: /var/lib/dunlin/fleet, url: %q, token: %s}\n", uses, life, c.devices, out.Token)
				return nil
			}
			fmt.Fprintf(cmd.OutOrStdout(), "On each of %d device(s), within %s:\n\n  dunlin enroll %s %s\n", uses, life, c.devices, out.Token)
			return nil
		},
	}
	cmd.Flags().IntVar(&uses, "uses", 1, "how many devices it enrols")
	cmd.Flags().DurationVar(&life, "life", 24*time.Hour, "how long it can be used")
	cmd.Flags().StringToStringVar(&labels, "label", nil, "label of these devices, key=value")
	cmd.Flags().BoolVar(&image, "image", false, "it enrols only devices that were allowed by name, so it may be part of an image")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
