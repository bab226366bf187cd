package kernel

import (
	"cmp"
	"slices"

	"github.com/dunlin-edge/dunlin/inference/internal/fmath"
)

// Parts of a pose, and the edges of the tree between them; each edge is walked
// both ways.
const (
	PoseParts = 17
	PoseEdges = 16
)

// poseEdges lists parent and child of each edge (PersonLab, Papandreou et al.
// 2018; parts in the order of COCO).
var poseEdges = [PoseEdges][2]int32{
	{0, 1}, {1, 3}, {0, 2}, {2, 4}, {0, 5}, {5, 7}, {7, 9}, {5, 11}, {11, 13}, {13, 15}, {0, 6}, {6, 8}, {8, 10}, {6, 12}, {12, 14}, {14, 16},
}

// Poses finds people in what a PoseNet says of every cell of a picture, as
// Coral's PosenetDecoderOp does: scores of parts as log odds, offsets to the
// part in its cell, offsets along edges (coral/posenet/posenet_decoder.cc in
// google-coral/libcoral). Of equal scores the first counts; there the order is
// the C++ library's.
type Poses struct {
	H, W, Max int
	Stride    int
	Threshold float32 // of a score
	Radius    float32 // in pixels, within which two parts are one
}

// Part is a candidate for a part of a pose, in cells.
type Part struct {
	Y, X, Score float32
	ID          int32
}

// Pose is the parts of one person.
type Pose struct {
	Parts [PoseParts]Part
	Score float32
}

// PoseMaps is what the network says of every cell, offsets in cells: H by W by
// PoseParts scores, twice as many short offsets (first all of y), and four times
// PoseEdges offsets along edges.
type PoseMaps struct{ Scores, Short, Mid []float32 }

// Found is where poses go: y and x in pixels and the score of each part, the
// score of each pose, and how many there are.
type Found struct{ Places, PartScores, Scores, Count []float32 }

const (
	localRadius = 1 // cells around a part that may not score higher
	refinements = 5 // steps by the short offsets after an edge
)

// Run finds poses. parts has room for every part of every cell, poses for Max.
func (p *Poses) Run(out Found, in PoseMaps, parts []Part, poses []Pose) {
	clear(out.Places)
	clear(out.PartScores)
	clear(out.Scores)
	roots := p.roots(in, parts)
	radius := p.Radius / float32(p.Stride)
	radius = float32(radius * radius)
	n := 0
	for i := 0; i < len(roots) && n < p.Max; i++ {
		if p.taken(poses[:n], &roots[i], radius) {
			continue
		}
		p.follow(in, roots[i], &poses[n])
		if poses[n].Score = poses[n].mean(nil); poses[n].Score >= p.Threshold {
			n++
		}
	}
	poses = poses[:n]
	sortPoses(poses)
	for i := len(poses) - 1; i >= 0; i-- { // only parts of poses before count
		hidden := poses[i].hidden(poses[:i], radius)
		poses[i].Score = poses[i].mean(&hidden)
	}
	sortPoses(poses)
	n = 0
	for n < len(poses) && poses[n].Score >= p.Threshold {
		p.write(out, n, &poses[n])
		n++
	}
	out.Count[0] = float32(n)
}

// sortPoses orders poses, which are few, by falling score; equal ones stay.
func sortPoses(poses []Pose) {
	for i := range poses {
		for k := i; k > 0 && poses[k].Score > poses[k-1].Score; k-- {
			poses[k], poses[k-1] = poses[k-1], poses[k]
		}
	}
}

func (p *Poses) write(out Found, n int, pose *Pose) {
	out.Scores[n] = pose.Score
	for k, part := range pose.Parts {
		at := n*PoseParts + k
		out.Places[2*at], out.Places[2*at+1] = float32(part.Y*float32(p.Stride)), float32(part.X*float32(p.Stride))
		out.PartScores[at] = part.Score
	}
}

// roots lists the parts that score highest around their cell, best first.
func (p *Poses) roots(in PoseMaps, parts []Part) []Part {
	least := float32(-fmath.Log(1/(float64(p.Threshold)+1e-6) - 1))
	n := 0
	for y := range p.H {
		for x := range p.W {
			cell := y*p.W + x
			for k := range PoseParts {
				score := in.Scores[cell*PoseParts+k]
				if !(score >= least) || !p.highest(in.Scores, y, x, k) {
					continue
				}
				dy, dx := in.Short[cell*2*PoseParts+k], in.Short[cell*2*PoseParts+PoseParts+k]
				parts[n] = Part{within(float32(y)+dy, p.H), within(float32(x)+dx, p.W), score, int32(k)}
				n++
			}
		}
	}
	slices.SortStableFunc(parts[:n], func(a, b Part) int { return cmp.Compare(b.Score, a.Score) })
	return parts[:n]
}

// highest tells whether no cell around scores higher for the part.
func (p *Poses) highest(scores []float32, y, x, part int) bool {
	own := scores[(y*p.W+x)*PoseParts+part]
	for v := max(y-localRadius, 0); v <= min(y+localRadius, p.H-1); v++ {
		for u := max(x-localRadius, 0); u <= min(x+localRadius, p.W-1); u++ {
			if scores[(v*p.W+u)*PoseParts+part] > own {
				return false
			}
		}
	}
	return true
}

// taken tells whether a pose has the part within a squared radius.
func (p *Poses) taken(poses []Pose, part *Part, radius float32) bool {
	for i := range poses {
		if apart(part, &poses[i].Parts[part.ID]) <= radius {
			return true
		}
	}
	return false
}

// apart is the squared distance of two parts.
func apart(a, b *Part) float32 {
	dy, dx := b.Y-a.Y, b.X-a.X
	return float32(dy*dy) + float32(dx*dx)
}

// hidden tells which parts a pose before has within a squared radius.
func (p *Pose) hidden(before []Pose, radius float32) (hidden [PoseParts]bool) {
	for i := range before {
		for k := range p.Parts {
			hidden[k] = hidden[k] || apart(&p.Parts[k], &before[i].Parts[k]) <= radius
		}
	}
	return hidden
}

// mean is the sum of the scores of the parts that are not hidden, best first, by
// the number of all.
func (p *Pose) mean(hidden *[PoseParts]bool) float32 {
	scores, n := [PoseParts]float32{}, 0
	for k, part := range p.Parts {
		if hidden == nil || !hidden[k] {
			scores[n] = part.Score
			n++
		}
	}
	for i := range n {
		for k := i; k > 0 && scores[k] > scores[k-1]; k-- {
			scores[k], scores[k-1] = scores[k-1], scores[k]
		}
	}
	sum := float32(0)
	for _, s := range scores[:n] {
		sum += s
	}
	return sum / PoseParts
}
