package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/dunlin-edge/dunlin/fleet/controller"
)

func capturesCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "captures DEVICE",
		Short: "list the windows that a device has kept whole, and get their files",
		Long: `List the windows that a device has kept whole. A file comes only when somebody
asks for it, from devices whose configuration has telemetry.captures.upload: true.`,
		Example: `  dunlin-fleet captures cam-1
  dunlin-fleet command cam-1 upload --args '{"capture": "1f2e3d4c5b6a"}'
  dunlin-fleet captures get cam-1 1f2e3d4c5b6a... --out window
  dunlin replay window --bundle door-1.0.0.dunlin`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, a []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			var all []controller.Capture
			if err := c.do(cmd.Context(), "GET", "/devices/"+url.PathEscape(a[0])+"/captures", nil, &all); err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), all)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
			fmt.Fprintln(w, "CAPTURE\tWHY\tAGE\tBYTES\tHERE")
			for _, x := range all {
				fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\n", x.SHA256, x.Why, ago(x.At), x.Size, x.Have)
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	var out string
	get := &cobra.Command{Use: "get DEVICE CAPTURE", Short: "write the file of a capture that was uploaded", Args: cobra.ExactArgs(2), RunE: func(cmd *cobra.Command, a []string) error {
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		f, err := os.OpenFile(out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		err = c.save(cmd.Context(), "/devices/"+url.PathEscape(a[0])+"/captures/"+url.PathEscape(a[1]), f)
		if err = errors.Join(err, f.Close()); err != nil {
			return errors.Join(err, os.Remove(out))
		}
		return nil
	}}
	get.Flags().StringVar(&out, "out", "", "file to write")
	_ = get.MarkFlagRequired("out") // it exists
	erase := &cobra.Command{Use: "rm DEVICE CAPTURE", Short: "erase the file of a capture here; the device may still have it", Args: cobra.ExactArgs(2), RunE: func(cmd *cobra.Command, a []string) error {
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		return c.do(cmd.Context(), "DELETE", "/devices/"+url.PathEscape(a[0])+"/captures/"+url.PathEscape(a[1]), nil, &struct{}{})
	}}
	cmd.AddCommand(get, erase)
	return cmd
}
