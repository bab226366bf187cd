package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/dunlin-edge/dunlin/fleet/controller"
)

func backupCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "write database, keys and releases of a running controller to a file",
		Long: `Write the database, the keys and the releases of a running controller to a tar
file. Whoever has the file can be the controller: keep it as you keep its keys.
With Postgres, use pg_dump and copy the state folder.`,
		Example: "  dunlin-fleet backup fleet-2026-11-28.tar\n  dunlin-fleet restore fleet-2026-11-28.tar --dir ./state",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, a []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			n, err := c.backup(cmd, a[0])
			if err == nil {
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %.1f MB\n", a[0], float64(n)/1e6)
			}
			return err
		},
	}
}

// backup writes to a file beside, which takes the name once it is whole.
func (c *client) backup(cmd *cobra.Command, path string) (int64, error) {
	resp, err := c.open(cmd.Context(), "/backup")
	if err != nil {
		return 0, err
	}
	defer resp.Close()
	f, err := os.OpenFile(path+".part", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(f, resp)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(path+".part", path)
	}
	if err != nil {
		return n, errors.Join(err, os.Remove(path+".part"))
	}
	return n, nil
}

func restoreCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "restore FILE",
		Short: "make a state folder of a backup",
		Long: `Make the state folder --dir of a backup; then start serve on it. The controller
of before must not run any more. What it did after the backup is forgotten here
and not on the devices: they take what is assigned next all the same, and
records it had acknowledged are declared as controller-lost. Releases that were
published after the backup have to be published again.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, a []string) error {
			dir, _ := cmd.Flags().GetString("dir")
			f, err := os.Open(a[0])
			if err != nil {
				return err
			}
			defer f.Close()
			if err := controller.Restore(cmd.Context(), dir, f, time.Now()); err != nil {
				return &hinted{err, "name an empty folder with --dir"}
			}
			fmt.Fprintf(cmd.OutOrStdout(), "restored to %s; start it with: dunlin-fleet serve --dir %s\n", dir, dir)
			return nil
		},
	}
}
