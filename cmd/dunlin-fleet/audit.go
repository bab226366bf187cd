package main

import (
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/dunlin-edge/dunlin/fleet/controller"
)

func auditCommand() *cobra.Command {
	var asJSON, check, export bool
	var verify string
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "show who did what, or check that nobody changed that",
		Example: `  dunlin-fleet audit
  dunlin-fleet audit --check
  dunlin-fleet audit --export > audit.ndjson
  dunlin-fleet audit --verify audit.ndjson    # needs no controller`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if verify != "" {
				return verifyExport(cmd.OutOrStdout(), verify)
			}
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
			if export {
				return c.save(cmd.Context(), "/audit/export", cmd.OutOrStdout())
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
	cmd.Flags().BoolVar(&export, "export", false, "write the whole log, one JSON object a line")
	cmd.Flags().StringVar(&verify, "verify", "", "recompute the hashes of an exported log")
	return cmd
}

// verifyExport checks a log that was exported, without the controller.
func verifyExport(out io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines, last, err := controller.VerifyExport(f)
	if err != nil {
		return &hinted{err, "the log was changed after it was written, or the file is cut off"}
	}
	_, err = fmt.Fprintf(out, "%d lines, each fits the one before; the last hash is %s\n", lines, last)
	return err
}
