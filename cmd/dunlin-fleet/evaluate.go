package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/mod/semver"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/agent/evaluate"
	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/ota/release"
	"github.com/dunlin-edge/dunlin/ota/trust"
)

type unit = agent.Unit

// evidence is what was measured of a release, and how it was judged.
type evidence struct {
	Report     *evaluate.Report    `json:"report"`           // of the best model of the bundle
	Models     []*evaluate.Report  `json:"models,omitempty"` // of its others, in their order
	Against    *evaluate.Report    `json:"against,omitempty"`
	Thresholds evaluate.Thresholds `json:"thresholds"`
	Missed     []string            `json:"missed,omitempty"`
	Forced     string              `json:"forced,omitempty"`   // why it was released all the same
	Approver   string              `json:"approver,omitempty"` // who answers for that
}

// maxEvidence bounds a report in bytes.
const maxEvidence = 8 << 20

func readEvidence(path string) (*evidence, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxEvidence+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxEvidence {
		return nil, fmt.Errorf("report %s: more than %d bytes", path, maxEvidence)
	}
	var e evidence
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		return nil, fmt.Errorf("report %s: %w", path, err)
	}
	if e.Report == nil {
		return nil, fmt.Errorf("report %s: nothing was measured", path)
	}
	return &e, nil
}

// A gate measures a bundle and says whether it may be released.
type gate struct {
	data, against   string
	force, approver string
	want            evaluate.Thresholds
}

func (g *gate) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&g.data, "data", "", "measure it on the labelled files of this `folder`: LABEL/FILE, LABEL/SLICE/FILE or labels.csv")
	f.StringVar(&g.against, "against", "", "compare it with this `bundle` (default: the newest release of its name)")
	f.Float64Var(&g.want.Accuracy, "min-accuracy", 0, "least accuracy on all data, 0 to 1")
	f.Float64Var(&g.want.Part, "min-part", 0, "least accuracy on each class and slice")
	f.Float64Var(&g.want.Variant, "min-variant", 0, "least accuracy with noise, another gain, or blur")
	f.Float64Var(&g.want.Drop, "max-drop", 0.01, "how much less than the other bundle it may have, anywhere")
}

// measure runs the evaluation, nil where none is asked for. Its error tells
// what is missed, unless that is forced.
func (g *gate) measure(cmd *cobra.Command, all []*unit, repo *release.Repo) (*evidence, error) {
	u := all[0]
	if g.data == "" {
		if g.want.Accuracy != 0 || g.want.Part != 0 || g.want.Variant != 0 || g.against != "" {
			return nil, &hinted{errors.New("thresholds without data"), "name a folder of labelled files with --data"}
		}
		return nil, nil
	}
	data, err := evaluate.ReadDataset(g.data, u.Extensions())
	if err != nil {
		return nil, err
	}
	e := &evidence{Thresholds: g.want}
	if e.Report, err = evaluate.Run(cmd.Context(), u, data, progress(cmd, u.Name())); err != nil {
		return nil, err
	}
	for _, v := range all[1:] {
		r, err := evaluate.Run(cmd.Context(), v, data, progress(cmd, v.Manifest.Model.File))
		if err != nil {
			return nil, err
		}
		e.Models = append(e.Models, r)
	}
	if path := g.baseline(u, repo); path != "" {
		other, err := agent.Load(cmd.Context(), path, inference.Options{})
		if err != nil {
			return nil, fmt.Errorf("compare: %w", err)
		}
		if e.Against, err = evaluate.Run(cmd.Context(), other, data, progress(cmd, other.Name())); err != nil {
			return nil, err
		}
	}
	return e, g.pass(e)
}

// progress shows on standard error how far a long evaluation is.
func progress(cmd *cobra.Command, name string) func(done, of int) {
	return func(done, of int) {
		if done%500 == 0 && done < of {
			fmt.Fprintf(cmd.ErrOrStderr(), "  %s: %d of %d\n", name, done, of)
		}
	}
}

// baseline is what a bundle is compared with.
func (g *gate) baseline(u *unit, repo *release.Repo) string {
	if g.against != "" || repo == nil {
		return g.against
	}
	var newest *release.Released
	for _, r := range repo.Released() {
		if r.Custom.Kind == "bundle" && !trust.IsCanary(r.Path) && r.Custom.Name == u.Manifest.Name && r.SHA256 != u.Digest &&
			(newest == nil || semver.Compare("v"+r.Custom.Version, "v"+newest.Custom.Version) > 0) {
			newest = &r
		}
	}
	if newest == nil {
		return ""
	}
	path, err := repo.File(*newest)
	if err != nil {
		return ""
	}
	return path
}

func (g *gate) pass(e *evidence) error {
	e.Missed = g.want.Judge(e.Report, e.Against)
	for i, r := range e.Models {
		for _, missed := range g.want.Judge(r, e.Against) {
			e.Missed = append(e.Missed, fmt.Sprintf("model %d: %s", i+2, missed))
		}
	}
	if len(e.Missed) == 0 {
		return nil
	}
	if g.force != "" {
		e.Forced, e.Approver = g.force, g.approver
		return nil
	}
	return &hinted{fmt.Errorf("%s is not good enough:\n  %s", e.Report.Bundle, strings.Join(e.Missed, "\n  ")),
		"train it further, or release it all the same with --force REASON --approver NAME, which stand in the signed report"}
}

func evaluateCommand() *cobra.Command {
	var g gate
	repo, asJSON := "", false
	cmd := &cobra.Command{
		Use:   "evaluate BUNDLE",
		Short: "measure a bundle on labelled files, by class, by slice, and with the data changed",
		Long: `Measure a bundle on labelled files with the engine and the pipeline that devices
run: all of them, by class, by slice, and with noise, another gain or blur. It is
compared with the newest released version of its name where there is one.

The files stand in DIR/LABEL/FILE or DIR/LABEL/SLICE/FILE, or labels.csv in DIR
has the columns file, label and slice.`,
		Example: "  dunlin-fleet evaluate machine-1.2.0.dunlin --data recordings/\n  dunlin-fleet evaluate new.dunlin --data recordings/ --against old.dunlin --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if g.data == "" {
				return &hinted{errors.New("no data to measure on"), "name a folder of labelled files with --data"}
			}
			_, e, missed := g.candidate(cmd, args[0], repo)
			if e == nil {
				return missed
			}
			if asJSON {
				return errors.Join(printJSON(cmd.OutOrStdout(), e), missed)
			}
			return errors.Join(e.print(cmd.OutOrStdout()), missed)
		},
	}
	g.flags(cmd)
	cmd.Flags().StringVar(&repo, "repository", "", "folder of the repository (default DIR/repository)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// candidate checks a bundle and measures it. There need not be a repository.
func (g *gate) candidate(cmd *cobra.Command, file, repo string) (*unit, *evidence, error) {
	_, all, err := vet(cmd, file, 0)
	if err != nil {
		return nil, nil, err
	}
	r, err := openRepository(cmd, repo)
	if err != nil && (repo != "" || !errors.Is(err, os.ErrNotExist)) {
		return nil, nil, err
	}
	e, err := g.measure(cmd, all, r)
	return all[0], e, err
}

// maxRows bounds the rows of a kind; --json has all.
const maxRows = 20

// print shows a report as a table in 80 columns, the worst first.
func (e *evidence) print(out io.Writer) error {
	fmt.Fprintf(out, "%s on %s, %d files\n\n", e.Report.Bundle, e.Report.Dataset, e.Report.Overall.Count)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "DATA\tFILES\tACCURACY")
	if e.Against != nil {
		fmt.Fprintf(w, "\t%s", strings.ToUpper(e.Against.Bundle))
	}
	fmt.Fprintln(w)
	row := func(kind string, s evaluate.Score, before []evaluate.Score) {
		fmt.Fprintf(w, "%s%s\t%d\t%.2f %%", kind, s.Name, s.Count, 100*s.Accuracy)
		if i := slices.IndexFunc(before, func(b evaluate.Score) bool { return b.Name == s.Name }); i >= 0 {
			fmt.Fprintf(w, "\t%.2f %%", 100*before[i].Accuracy)
		}
		fmt.Fprintln(w)
	}
	before := e.Against
	if before == nil {
		before = &evaluate.Report{}
	}
	row("", e.Report.Overall, []evaluate.Score{before.Overall})
	for _, part := range []struct {
		kind        string
		now, before []evaluate.Score
	}{{"class ", e.Report.Classes, before.Classes}, {"slice ", e.Report.Slices, before.Slices}, {"with ", e.Report.Variants, before.Variants}} {
		worst := slices.Clone(part.now)
		slices.SortStableFunc(worst, func(a, b evaluate.Score) int { return cmp.Compare(a.Accuracy, b.Accuracy) })
		for _, s := range worst[:min(len(worst), maxRows)] {
			row(part.kind, s, part.before)
		}
		if more := len(worst) - maxRows; more > 0 {
			fmt.Fprintf(w, "%d more, none worse\n", more)
		}
	}
	return w.Flush()
}
