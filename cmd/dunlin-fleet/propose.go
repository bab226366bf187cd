package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dunlin-edge/dunlin/ota/release"
	"github.com/dunlin-edge/dunlin/ota/trust"
)

func proposeCommand() *cobra.Command {
	var g gate
	repo, out, key := "", "", ""
	cmd := &cobra.Command{
		Use:   "propose BUNDLE",
		Short: "check and measure a bundle without keys, for people to release",
		Long: `Check and measure a bundle as publish does, without any key: for a build machine.
It writes the bundle and a report into a folder, for the holders of keys to look
at and to release with: publish BUNDLE --report REPORT.

With --canary-key the folder also holds what lets canaries try the bundle before
that, for a week: copy metadata/ and targets/ into the repository's folder, and
assign canary/NAME/VERSION.dunlin. Canaries are devices whose own configuration
says so (fleet: {canary: true}); no other takes anything that this key signs.
Holders make it with: key rotate canary DIR.`,
		Example: `  dunlin-fleet propose machine-1.2.0.dunlin --data recordings/ --min-accuracy 0.95 --out candidate/
  dunlin-fleet propose machine-1.2.0.dunlin --data recordings/ --canary-key ci/canary.key --out candidate/`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if g.data == "" {
				return &hinted{errors.New("no data to measure on"), "name a folder of labelled files with --data"}
			}
			u, e, err := g.candidate(cmd, args[0], repo)
			if err != nil {
				return err
			}
			name := strings.ReplaceAll(u.Name(), "@", "-") + ".dunlin"
			if err := writeCandidate(out, name, args[0], e); err != nil {
				return err
			}
			if err := e.print(cmd.OutOrStdout()); err != nil {
				return err
			}
			if key != "" {
				if err := proposeToCanaries(cmd, out, key, args[0], u); err != nil {
					return err
				}
			}
			fmt.Fprintf(cmd.OutOrStdout(), "\nproposed; holders of keys release it with:\n  dunlin-fleet publish %s --report %s --keys ...\n",
				filepath.Join(out, name), filepath.Join(out, name+".report"))
			return nil
		},
	}
	g.flags(cmd)
	cmd.Flags().StringVar(&repo, "repository", "", "folder of the repository to compare with (default DIR/repository)")
	cmd.Flags().StringVar(&out, "out", "candidate", "folder for the bundle and its report")
	cmd.Flags().StringVar(&key, "canary-key", "", "let canaries try it, signed with this `file`")
	return cmd
}

// proposeToCanaries writes what canaries need beside a candidate.
func proposeToCanaries(cmd *cobra.Command, dir, key, file string, u *unit) error {
	k, err := release.ReadKey(key)
	if err != nil {
		return err
	}
	if k.Role != release.Canary {
		return &hinted{fmt.Errorf("key %s is for %q", key, k.Role), "a build machine holds the canary key and no other"}
	}
	m := u.Manifest
	a := release.Artifact{Path: "canary/" + m.Name + "/" + m.Version + ".dunlin", File: file, Custom: trust.Custom{Kind: "bundle", Name: m.Name, Version: m.Version}}
	if err := release.Propose(dir, k, time.Now(), a); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "\ncanaries may try it: copy metadata/ and targets/ of %s into the repository, then\n  dunlin-fleet assign %s\n", dir, a.Path)
	return nil
}

func writeCandidate(dir, name, bundle string, e *evidence) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	data, err := os.ReadFile(bundle)
	if err != nil {
		return err
	}
	report, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(filepath.Join(dir, name), data, 0o644), os.WriteFile(filepath.Join(dir, name+".report"), report, 0o644))
}
