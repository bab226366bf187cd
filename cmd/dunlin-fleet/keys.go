package main

import (
	"crypto"
	"fmt"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/dunlin-edge/dunlin/fleet/controller"
	"github.com/dunlin-edge/dunlin/ota/release"
)

const developmentNote = "DEVELOPMENT KEYS: one person holds all keys of this repository. Whoever reads that folder can release anything."

func keyCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "key", Short: "make and list the keys that releases are signed with"}
	development := false
	ceremony := &cobra.Command{
		Use:   "ceremony DIR",
		Short: "make all keys of a repository",
		Long: `Make all keys of a repository of updates below DIR: holder-1, holder-2 and
holder-3, of whom two must sign what devices may run and who may say so;
release, which signs the list of a release; and online, the only key that the
controller gets. Give the folders to different people, and keep them offline.

With --development one person keeps them all: nothing else differs, and every
file says so.`,
		Example: "  dunlin-fleet key ceremony /media/usb/keys\n  dunlin-fleet key ceremony ./keys --development",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := release.Ceremony(args[0], development); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "made holder-1, holder-2, holder-3, release and online in %s\n", args[0])
			if development {
				fmt.Fprintln(cmd.OutOrStdout(), developmentNote)
			}
			return nil
		},
	}
	ceremony.Flags().BoolVar(&development, "development", false, "one person keeps all keys")
	cmd.AddCommand(ceremony, keysListCommand(), rotateCommand())
	return cmd
}

func keysListCommand() *cobra.Command {
	repo, asJSON := "", false
	cmd := &cobra.Command{
		Use: "ls", Short: "list the roles of the repository, their keys and when they expire", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := openRepository(cmd, repo)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), r.Roles())
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ROLE\tVERSION\tEXPIRES\tSIGNS\tKEYS")
			for _, i := range r.Roles() {
				var short []string
				for _, id := range i.KeyIDs {
					short = append(short, id[:8])
				}
				fmt.Fprintf(w, "%s\t%d\t%s\t%d of %d\t%s\n", i.Role, i.Version, i.Expires.Format(time.DateOnly), i.Threshold, len(i.KeyIDs), strings.Join(short, " "))
			}
			if err := w.Flush(); err != nil {
				return err
			}
			if r.Development() {
				fmt.Fprintln(cmd.OutOrStdout(), developmentNote)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&repo, "repository", "", "folder of the repository (default DIR/repository)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func rotateCommand() *cobra.Command {
	repo := ""
	var keys []string
	cmd := &cobra.Command{
		Use:   "rotate ROLE DIR",
		Short: "give a role new keys in place of all it had",
		Long: `Make new keys for one role in DIR and give them the place of all it had: root,
targets, models, agent, snapshot or timestamp. Do it when a key is lost or may
have been seen, or when a holder leaves. Devices follow by themselves, also
those that were off for many rotations.

canary is a role that a repository has only after its first rotate: one key for
a build machine, which lets canaries, and no other device, try what it proposes.

The keys that may decide sign: those of root for a top-level role, of targets
for models, agent and canary. The new folders then go to their holders; keep the old
root keys until every device has been seen since.`,
		Example: "  dunlin-fleet key rotate models ./new --keys /media/usb1,/media/usb2,./release,./online\n  dunlin-fleet key rotate timestamp ./new --keys /media/usb1,/media/usb2,./release",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			role, dir := args[0], args[1]
			r, err := openRepository(cmd, repo)
			if err != nil {
				return err
			}
			old, err := release.ReadKeys(keys...)
			if err != nil {
				return &hinted{err, "name the folders of the keys with --keys"}
			}
			if err := rotate(cmd, r, role, dir, old); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s has new keys, in %s\n", role, dir)
			if r.Development() {
				fmt.Fprintln(cmd.OutOrStdout(), developmentNote)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&repo, "repository", "", "folder of the repository (default DIR/repository)")
	cmd.Flags().StringSliceVar(&keys, "keys", nil, "folders with the keys that sign")
	return cmd
}

func rotate(cmd *cobra.Command, r *release.Repo, role, dir string, old []*release.Key) error {
	if err := release.RoleKeys(dir, role, r.Development()); err != nil {
		return err
	}
	fresh, err := release.ReadKeys(dir)
	if err != nil {
		return err
	}
	var ring release.Ring
	var public []crypto.PublicKey
	for _, k := range fresh {
		if k.Role == role { // DIR may hold those of earlier rotations
			ring = append(ring, k)
			public = append(public, k.Public())
		}
	}
	ring = append(ring, release.RingOf(old)...)
	if err := r.Rotate(ring, role, public...); err != nil {
		return hintOf(err)
	}
	if role != release.Timestamp {
		return nil
	}
	state, _ := cmd.Flags().GetString("dir")
	return controller.ImportTimestampKey(state, filepath.Join(dir, "online", "timestamp.key"))
}
