package kernel

import "math"

// follow walks from a root along the edges and leaves the parts of the pose with probabilities as scores.
func (p *Poses) follow(in PoseMaps, root Part, pose *Pose) {
	root.Score = p.sample(in.Scores, PoseParts, root.Y, root.X, int(root.ID))
	open := [PoseParts]Part{root}
	n := 1
	var known [PoseParts]bool
	for n > 0 { // the edges are a tree: a part is met once, whatever comes first
		n--
		part := open[n]
		known[part.ID] = true
		pose.Parts[part.ID] = part
		for e := range 2 * PoseEdges {
			from, to := poseEdges[e%PoseEdges][e/PoseEdges], poseEdges[e%PoseEdges][1-e/PoseEdges]
			if from == part.ID && !known[to] {
				open[n] = p.step(in, &part, e, to)
				n++
			}
		}
	}
	for k := range pose.Parts {
		part := &pose.Parts[k]
		part.Score = 1 / (1 + ExpF32(-part.Score))
	}
}

// step follows an edge, forward below PoseEdges, backward from there on, to the
// part at its end.
func (p *Poses) step(in PoseMaps, from *Part, edge int, to int32) Part {
	// Offsets are in blocks of PoseEdges: forward y, x, backward y, x. The first
	// backward edge reads where the decoder has always read it, 16 channels early.
	if edge > PoseEdges {
		edge += PoseEdges
	}
	const depth = 4 * PoseEdges
	y := within(from.Y+p.sample(in.Mid, depth, from.Y, from.X, edge), p.H)
	x := within(from.X+p.sample(in.Mid, depth, from.Y, from.X, edge+PoseEdges), p.W)
	for range refinements {
		dy := p.sample(in.Short, 2*PoseParts, y, x, int(to))
		dx := p.sample(in.Short, 2*PoseParts, y, x, int(to)+PoseParts)
		y, x = within(y+dy, p.H), within(x+dx, p.W)
	}
	return Part{y, x, p.sample(in.Scores, PoseParts, y, x, int(to)), to}
}

// within clamps a place to n cells; what is no number is 0.
func within(v float32, n int) float32 {
	if !(v > 0) {
		return 0
	}
	return min(v, float32(n-1))
}

// sample interpolates a channel of a map between four cells.
func (p *Poses) sample(m []float32, depth int, y, x float32, channel int) float32 {
	y0, x0 := int(y), int(x) // 0 at least
	y1, x1 := int(math.Ceil(float64(y))), int(math.Ceil(float64(x)))
	v, u := y-float32(y0), x-float32(x0)
	at := func(y, x int) float32 { return m[(y*p.W+x)*depth+channel] }
	top := float32((1-u)*at(y0, x0)) + float32(u*at(y0, x1))
	bottom := float32((1-u)*at(y1, x0)) + float32(u*at(y1, x1))
	return float32((1-v)*top) + float32(v*bottom)
}
