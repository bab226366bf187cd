package kernel

// SVDFShape is a layer that factors its filters in features and time: each of
// Units*Rank filters turns the input to one number and remembers the Memory
// latest; a unit sums its filters' memories weighted by time.
type SVDFShape struct{ Batch, Input, Units, Rank, Memory int }

// SVDF8 is the layer of int8 with a memory of int16
// (kernels/internal/reference/svdf.h, EvalIntegerSVDF).
type SVDF8 struct {
	SVDFShape
	Feature    []int8  // [filter][input]
	Time       []int16 // [filter][memory]
	Bias       []int32 // of units, nil for none
	InZero     int32
	State, Out Multiplier
	Clamp      Clamp8
}

// Run computes one moment; state is [batch][filter][memory], newest last.
func (s *SVDF8) Run(dst, src []int8, state []int16) {
	filters := s.Units * s.Rank
	for b := range s.Batch {
		x := src[b*s.Input:][:s.Input]
		for u := range s.Units {
			sum := int32(0)
			for f := u * s.Rank; f < (u+1)*s.Rank; f++ {
				memory := state[(b*filters+f)*s.Memory:][:s.Memory]
				copy(memory, memory[1:])
				memory[s.Memory-1] = s.feature(f, x)
				for i, m := range memory {
					sum += int32(s.Time[f*s.Memory+i]) * int32(m)
				}
			}
			if s.Bias != nil {
				sum += s.Bias[u]
			}
			v := s.Out.Apply(sum) + s.Clamp.Zero
			dst[b*s.Units+u] = int8(min(max(v, s.Clamp.Min), s.Clamp.Max))
		}
	}
}

func (s *SVDF8) feature(f int, x []int8) int16 {
	sum := int32(0)
	for i, w := range s.Feature[f*s.Input:][:s.Input] {
		sum += int32(w) * (int32(x[i]) - s.InZero)
	}
	return clip16(int64(s.State.Apply(sum)))
}

// SVDFF32 is the layer of floats. Sums add products by fused multiply-adds in
// order; those of a unit start at +0, and the bias comes last.
type SVDFF32 struct {
	SVDFShape
	Feature, Time, Bias []float32
	Range               Range
}

// Run computes one moment, as SVDF8.
func (s *SVDFF32) Run(dst, src, state []float32) {
	filters := s.Units * s.Rank
	for b := range s.Batch {
		x := src[b*s.Input:][:s.Input]
		for u := range s.Units {
			sum := float32(0)
			for f := u * s.Rank; f < (u+1)*s.Rank; f++ {
				memory := state[(b*filters+f)*s.Memory:][:s.Memory]
				copy(memory, memory[1:])
				memory[s.Memory-1] = quiet(dotF32(0, s.Feature[f*s.Input:][:s.Input], x))
				sum = dotF32(sum, s.Time[f*s.Memory:][:s.Memory], memory)
			}
			if s.Bias != nil {
				sum += s.Bias[u]
			}
			dst[b*s.Units+u] = s.Range.fit(quiet(sum))
		}
	}
}
