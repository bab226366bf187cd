package evaluate

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"

	"github.com/dunlin-edge/dunlin/agent"
)

// A Score is how much of some data a bundle gets right.
type Score struct {
	Name     string  `json:"name"`
	Count    int     `json:"count"`
	Right    int     `json:"right"`
	Accuracy float64 `json:"accuracy"` // Right / Count
}

func (s *Score) add(right bool) {
	s.Count++
	if right {
		s.Right++
	}
	s.Accuracy = float64(s.Right) / float64(s.Count)
}

// A Report is what was measured. It names the bytes that it is about.
type Report struct {
	Bundle   string  `json:"bundle"` // name@version
	SHA256   string  `json:"sha256"` // of the bundle
	Dataset  string  `json:"dataset"`
	Machine  string  `json:"machine"` // architecture it was measured on; the numbers are the same on all
	Overall  Score   `json:"overall"`
	Classes  []Score `json:"classes"`            // by label
	Slices   []Score `json:"slices,omitempty"`   // by slice of the data
	Variants []Score `json:"variants,omitempty"` // all of the data, changed
}

// seed makes noise the same in each run, and for both bundles of a comparison.
const seed = 1

// known refuses labels that the bundle has not: it could never be right.
func known(u *agent.Unit, d *Dataset) error {
	labels := u.Labels()
	for _, s := range d.Samples {
		if len(labels) > 0 && !slices.Contains(labels, s.Label) {
			return fmt.Errorf("dataset %s: label %q of %s is none of the bundle's: %s", d.Name, s.Label, s.Path, strings.Join(labels, ", "))
		}
	}
	return nil
}

// Run measures a unit: each file's label is that of the strongest decision in
// it, otherwise of the highest mean score. progress may be nil.
func Run(ctx context.Context, u *agent.Unit, d *Dataset, progress func(done, of int)) (*Report, error) {
	r := &Report{Bundle: u.Name(), SHA256: u.Digest, Dataset: d.Name, Machine: runtime.GOARCH}
	if err := known(u, d); err != nil {
		return nil, err
	}
	variants := append([]Variant{{}}, Variants(u.Kind())...)
	done, of := 0, len(variants)*len(d.Samples)
	for _, v := range variants {
		score := Score{Name: v.Name}
		c, err := u.NewClassifier(true)
		if err != nil {
			return nil, err
		}
		for i, s := range d.Samples {
			if v.set != nil {
				v.set(c, rand.New(rand.NewPCG(seed, uint64(i))))
			}
			out, err := c.File(ctx, s.Path)
			if err != nil {
				return nil, fmt.Errorf("evaluate %s: %w", s.Path, err)
			}
			right := out.Label == s.Label
			score.add(right)
			if v.set == nil {
				count(&r.Classes, s.Label, right)
				if s.Slice != "" {
					count(&r.Slices, s.Slice, right)
				}
			}
			done++
			if progress != nil {
				progress(done, of)
			}
		}
		if v.set == nil {
			score.Name = "all"
			r.Overall = score
		} else {
			r.Variants = append(r.Variants, score)
		}
	}
	for _, scores := range [][]Score{r.Classes, r.Slices} {
		slices.SortFunc(scores, func(a, b Score) int { return strings.Compare(a.Name, b.Name) })
	}
	return r, nil
}

func count(scores *[]Score, name string, right bool) {
	i := slices.IndexFunc(*scores, func(s Score) bool { return s.Name == name })
	if i < 0 {
		i = len(*scores)
		*scores = append(*scores, Score{Name: name})
	}
	(*scores)[i].add(right)
}

// Thresholds are what a release must reach, shares from 0 to 1.
type Thresholds struct {
	Accuracy float64 `json:"accuracy"` // least, of all data
	Part     float64 `json:"part"`     // least, of each class and slice
	Variant  float64 `json:"variant"`  // least, of each variant
	// Drop is how much less it may have than what it is compared with, in all
	// data and in each class, slice and variant.
	Drop float64 `json:"drop"`
}

// Judge returns what a release misses, one reason each. before may be nil.
func (t Thresholds) Judge(r, before *Report) []string {
	var why []string
	least := func(kind string, s Score, least float64) {
		if s.Accuracy < least {
			why = append(why, fmt.Sprintf("%s %s: %.2f %% of %d, at least %.2f %% wanted", kind, s.Name, 100*s.Accuracy, s.Count, 100*least))
		}
	}
	least("accuracy of", r.Overall, t.Accuracy)
	for _, s := range r.Classes {
		least("class", s, t.Part)
	}
	for _, s := range r.Slices {
		least("slice", s, t.Part)
	}
	for _, s := range r.Variants {
		least("variant", s, t.Variant)
	}
	if before == nil {
		return why
	}
	why = append(why, t.drops("accuracy of", []Score{r.Overall}, []Score{before.Overall}, before.Bundle)...)
	why = append(why, t.drops("class", r.Classes, before.Classes, before.Bundle)...)
	why = append(why, t.drops("slice", r.Slices, before.Slices, before.Bundle)...)
	return append(why, t.drops("variant", r.Variants, before.Variants, before.Bundle)...)
}

func (t Thresholds) drops(kind string, now, before []Score, name string) (why []string) {
	for _, b := range before {
		i := slices.IndexFunc(now, func(s Score) bool { return s.Name == b.Name })
		if i >= 0 && b.Accuracy-now[i].Accuracy > t.Drop {
			why = append(why, fmt.Sprintf("%s %s: %.2f %%, %s has %.2f %%; %.2f less allowed", kind, b.Name, 100*now[i].Accuracy, name, 100*b.Accuracy, 100*t.Drop))
		}
	}
	return why
}
