package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/dunlin-edge/dunlin/ota/release"
	"github.com/dunlin-edge/dunlin/ota/trust"
)

// publishing is one run of publish.
type publishing struct {
	cmd     *cobra.Command
	repo    *release.Repo
	work    string // folder for what is made on the way
	epoch   int64
	version string // of programs
	report  string // a file of propose, instead of measuring here
	gate    gate
}

func publishCommand() *cobra.Command {
	p := &publishing{}
	repo := ""
	var keys []string
	cmd := &cobra.Command{
		Use:   "publish FILE...",
		Short: "release bundles, after their golden samples came out exact here, and agents",
		Long: `Release bundles: devices may install them from then on, and do when they are
assigned. Each is opened and run on this machine's engine first; one whose
golden samples differ, or that has none, is refused. Released bytes are never
changed: give a change a new version.

With --data the bundle is measured on labelled files too, by class, by slice
and with noise, another gain or blur, and compared with the newest released
version; what misses a threshold is refused. The report is released and signed
with the bundle. --force releases all the same; its reason and the approver who
answers for it stand in there, in the plan of each assignment, and in the audit.
--report takes the report of a propose instead of measuring again.

Devices that run one of the last three versions fetch a delta to the new one,
where that is half of it at most.

A program of the agent (dunlin, for one architecture) is released as a variant
of agent/VERSION; devices get the one that theirs was built for.

Two holders' keys and the release key sign.`,
		Example: `  dunlin-fleet publish machine-1.2.0.dunlin --keys /media/usb1,/media/usb2,./release
  dunlin-fleet publish machine-1.2.0.dunlin --data recordings/ --min-accuracy 0.95 --keys ./keys
  dunlin-fleet publish dist/dunlin-linux-* --version 1.4.0 --keys ./keys`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			p.cmd = cmd
			if p.repo, err = openRepository(cmd, repo); err != nil {
				return err
			}
			all, err := release.ReadKeys(keys...)
			if err != nil {
				return &hinted{err, "name the folders of the keys with --keys"}
			}
			if p.work, err = os.MkdirTemp("", "dunlin-publish-"); err != nil {
				return err
			}
			defer os.RemoveAll(p.work)
			return p.run(args, release.RingOf(all))
		},
	}
	cmd.Flags().StringVar(&repo, "repository", "", "folder of the repository (default DIR/repository)")
	cmd.Flags().StringSliceVar(&keys, "keys", nil, "folders with the keys")
	cmd.Flags().StringVar(&p.version, "version", "", "of the agent's programs, where their build does not say")
	cmd.Flags().Int64Var(&p.epoch, "security-epoch", 0, "no device installs one of a lower epoch after it")
	cmd.Flags().StringVar(&p.report, "report", "", "release this report of propose, instead of measuring")
	p.gate.flags(cmd)
	cmd.Flags().StringVar(&p.gate.force, "force", "", "release what misses thresholds, for this `reason`")
	cmd.Flags().StringVar(&p.gate.approver, "approver", "", "`name` of who answers for --force")
	cmd.MarkFlagsRequiredTogether("force", "approver")
	return cmd
}

func (p *publishing) run(files []string, ring release.Ring) error {
	var add []release.Artifact
	for _, file := range files {
		more, err := p.prepare(file)
		if err != nil {
			return err
		}
		add = append(add, more...)
	}
	if err := p.repo.Publish(ring, add...); err != nil {
		return hintOf(err)
	}
	out := p.cmd.OutOrStdout()
	for _, a := range add {
		switch a.Custom.Kind {
		case "delta":
			fmt.Fprintf(out, "  and a delta of %s\n", share(a))
		case "report":
			fmt.Fprintln(out, "  and the report of what was measured")
		default:
			fmt.Fprintf(out, "released %s\n", a.Path)
		}
	}
	if p.repo.Development() {
		fmt.Fprintln(out, developmentNote)
	}
	return nil
}

// prepare checks one file, and makes what is released with it.
func (p *publishing) prepare(file string) ([]release.Artifact, error) {
	if isProgram(file) {
		a, err := vetProgram(p.version)(p.cmd, file, p.epoch)
		return []release.Artifact{a}, err
	}
	a, all, err := vet(p.cmd, file, p.epoch)
	if err != nil {
		return nil, err
	}
	out := []release.Artifact{a}
	report, err := p.evidence(a, all)
	if err != nil {
		return nil, err
	}
	if report != nil {
		data, err := json.MarshalIndent(report, "", "  ")
		if err != nil {
			return nil, err
		}
		path := filepath.Join(p.work, all[0].Digest+".report")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			return nil, err
		}
		out = append(out, release.Artifact{Path: a.Path + ".report", File: path, Custom: trust.Custom{Kind: "report"}})
	}
	deltas, err := p.repo.Deltas(a, p.work)
	return append(out, deltas...), err
}

// evidence is what shows that a bundle is good enough: measured here, or by
// somebody else on the same bytes; nil where nothing was asked for.
func (p *publishing) evidence(a release.Artifact, all []*unit) (*evidence, error) {
	unit := all[0]
	if p.report == "" {
		return p.gate.measure(p.cmd, all, p.repo)
	}
	if p.gate.data != "" {
		return nil, errors.New("--report and --data: one of them says what was measured")
	}
	e, err := readEvidence(p.report)
	if err != nil {
		return nil, err
	}
	if e.Report.SHA256 != unit.Digest {
		return nil, &hinted{fmt.Errorf("report %s is about %.12s, %s is %.12s", p.report, e.Report.SHA256, a.File, unit.Digest), "propose these bytes again"}
	}
	if len(e.Models) != len(all)-1 {
		return nil, &hinted{fmt.Errorf("report %s is about %d models, %s has %d", p.report, 1+len(e.Models), a.File, len(all)), "propose these bytes again"}
	}
	return e, p.gate.pass(e)
}
