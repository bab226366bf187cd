package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/fleet/controller"
	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/ota/release"
	"github.com/dunlin-edge/dunlin/ota/trust"
)

func repositoryDir(cmd *cobra.Command, given string) string {
	if given != "" {
		return given
	}
	dir, _ := cmd.Flags().GetString("dir")
	return filepath.Join(dir, "repository")
}

func openRepository(cmd *cobra.Command, given string) (*release.Repo, error) {
	r, err := release.Open(repositoryDir(cmd, given), time.Now)
	if errors.Is(err, os.ErrNotExist) {
		return nil, &hinted{err, "make one with: dunlin-fleet repository create --keys DIR"}
	}
	return r, err
}

func repositoryCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "repository", Short: "make the repository that devices update from"}
	repo := ""
	var keys []string
	create := &cobra.Command{
		Use:   "create",
		Short: "make an empty repository, signed by all keys of a ceremony",
		Long: `Make an empty repository of updates, signed by all keys of a ceremony, and give
its online key to the controller of the state folder. Devices that enrol from
then on install what is published there; devices that enrolled before do not.`,
		Example: "  dunlin-fleet repository create --keys /media/usb/keys",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := release.ReadKeys(keys...)
			if err != nil {
				return &hinted{err, "name the folder of the ceremony with --keys"}
			}
			dir, _ := cmd.Flags().GetString("dir")
			r, err := release.Create(repositoryDir(cmd, repo), all, time.Now)
			if err != nil {
				return err
			}
			if err := importTimestamp(dir, keys); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "made %s\n", repositoryDir(cmd, repo))
			if r.Development() {
				fmt.Fprintln(cmd.OutOrStdout(), developmentNote)
			}
			return nil
		},
	}
	create.Flags().StringVar(&repo, "repository", "", "folder of the repository (default DIR/repository)")
	create.Flags().StringSliceVar(&keys, "keys", nil, "folders with the keys")
	cmd.AddCommand(create)
	return cmd
}

func importTimestamp(dir string, keys []string) error {
	for _, k := range keys {
		err := controller.ImportTimestampKey(dir, filepath.Join(k, "online", "timestamp.key"))
		if err == nil || !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return &hinted{errors.New("no online/timestamp.key in the folders"), "without it the release expires after a week"}
}

// share tells how much less a delta is than what it makes.
func share(a release.Artifact) string {
	st, err := os.Stat(a.File)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d bytes (%.1f %%) from %.12s", st.Size(), 100*float64(st.Size())/float64(a.Custom.ToLength), a.Custom.From)
}

// vet opens a bundle as a device does, and runs the golden samples of all its
// models.
func vet(cmd *cobra.Command, file string, epoch int64) (release.Artifact, []*unit, error) {
	all, err := agent.LoadAll(cmd.Context(), file, inference.Options{})
	if err != nil {
		return release.Artifact{}, nil, &hinted{err, "nothing was released; devices would refuse it"}
	}
	for _, u := range all {
		if u.Golden == 0 {
			return release.Artifact{}, nil, &hinted{fmt.Errorf("bundle %s has no golden sample for %s, so no device could check it", file, u.Manifest.Model.File), "dunlin bundle init makes some"}
		}
	}
	m := all[0].Manifest
	return release.Artifact{
		Path: "models/" + m.Name + "/" + m.Version + ".dunlin", File: file,
		Custom: trust.Custom{Kind: "bundle", Name: m.Name, Version: m.Version, SecurityEpoch: epoch},
	}, all, nil
}

// hintOf gives an error that knows what to do next its place.
func hintOf(err error) error {
	if p := (*controller.Problem)(nil); errors.As(err, &p) {
		return &hinted{errors.New(p.Title), p.Hint}
	}
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return &hinted{err, h.Hint()}
	}
	return err
}

func withdrawCommand() *cobra.Command {
	repo := ""
	var keys []string
	cmd := &cobra.Command{
		Use:     "withdraw PATH...",
		Short:   "take released bundles back: no device installs them any more",
		Long:    "Take released bundles back: no device that has seen this installs them any more.\nWhat runs them goes on until something else is assigned.",
		Example: "  dunlin-fleet withdraw models/machine/1.1.0.dunlin --keys /media/usb1,/media/usb2,./release",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := openRepository(cmd, repo)
			if err != nil {
				return err
			}
			all, err := release.ReadKeys(keys...)
			if err != nil {
				return &hinted{err, "name the folders of the keys with --keys"}
			}
			if err := r.Withdraw(release.RingOf(all), args...); err != nil {
				return hintOf(err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "withdrawn: %s\n", strings.Join(args, ", "))
			return nil
		},
	}
	cmd.Flags().StringVar(&repo, "repository", "", "folder of the repository (default DIR/repository)")
	cmd.Flags().StringSliceVar(&keys, "keys", nil, "folders with the keys")
	return cmd
}

func releasesCommand() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use: "releases", Short: "list what devices may install", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			var all []release.Released
			if err := c.do(cmd.Context(), "GET", "/releases", nil, &all); err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), all)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "PATH\tBYTES\tSHA-256")
			for _, a := range all {
				fmt.Fprintf(w, "%s\t%d\t%.12s\n", a.Path, a.Length, a.SHA256)
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
