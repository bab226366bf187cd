package kernel

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestExpNear holds the bound that its comment gives, over all that any caller asks
// for.
func TestExpNear(t *testing.T) {
	for x := -150.0; x < 150; x += 0.0137 {
		if off := math.Abs(expNear(x)/math.Exp(x) - 1); off > 0x1p-41 {
			t.Fatalf("exp(%g) is off by %g", x, off)
		}
	}
}

// TestEluHard has floats whose exponential less 1 lies near the middle of two
// others: each term of the series is needed to find the nearer one.
func TestEluHard(t *testing.T) {
	for _, bits := range []uint32{
		3143937733, 3145415532, 3149490666, 3149996100, 3152923328, 3155801260, 3157341036, 3159199580, 3160093066, 3160351491, 3161000110, 3161443565, 3162100034, 3162479041,
	} {
		x := math.Float32frombits(bits)
		if got, want := EluF32(x), float32(math.Expm1(float64(x))); got != want {
			t.Errorf("elu(%g) is %x, want %x", x, got, want)
		}
	}
}

// TestSincosNearTurns: near a multiple of a quarter turn the smaller of sine and
// cosine is the distance to it, which takes pi to many bits for large numbers.
func TestSincosNearTurns(t *testing.T) {
	pi, _, err := big.ParseFloat("3.14159265358979323846264338327950288419716939937510582097494459", 10, 200, big.ToNearestEven)
	if err != nil {
		t.Fatal(err)
	}
	quarter := new(big.Float).Quo(pi, big.NewFloat(2))
	rng := rand.New(rand.NewPCG(7, 1))
	near := 0
	for range 400000 {
		k := rng.Int64N(1 << 29)
		x := float32(float64(k) * (math.Pi / 2))
		distance, _ := new(big.Float).SetPrec(200).Sub(big.NewFloat(float64(x)), new(big.Float).Mul(quarter, new(big.Float).SetInt64(k))).Float64()
		if math.Abs(distance) > 1e-4 {
			continue
		}
		near++
		s, c := sincos(float64(x))
		if small := min(math.Abs(s), math.Abs(c)); math.Abs(small/math.Sin(math.Abs(distance))-1) > 1e-11 {
			t.Fatalf("%g is %g from a quarter turn, not %g", x, distance, small)
		}
	}
	if near < 10 {
		t.Errorf("%d numbers near a quarter turn", near)
	}
}

// TestReduceScalar: what has no dimensions is its own sum.
func TestReduceScalar(t *testing.T) {
	r := ReduceF32{Divisor: 2}
	dst := make([]float32, 1)
	if r.Run(dst, []float32{3}, make([]float64, 1)); dst[0] != 1.5 {
		t.Errorf("half of 3 is %g", dst[0])
	}
}

// TestTanh16Odd: halves are rounded away from zero on both sides.
func TestTanh16Odd(t *testing.T) {
	for _, scale := range []float32{1.0 / 4096, 1.0 / 3000, 1.0 / 47, 0.0007} {
		s := NewSigmoid16(scale)
		pairs := 0
		for x := range int16(math.MaxInt16) {
			if s.position(x) != -s.position(-x) {
				continue // a half of the position itself
			}
			dst := make([]int16, 2)
			if s.Tanh(dst, []int16{x, -x}); dst[0] != -dst[1] {
				t.Fatalf("scale %g: tanh of %d and its negative are %d and %d", scale, x, dst[0], dst[1])
			}
			pairs++
		}
		if pairs < 1000 {
			t.Errorf("scale %g: %d pairs", scale, pairs)
		}
	}
}

// TestLogistic16Saturates: from 255 512ths of the table on LiteRT answers the most,
// not what lies between the last two values.
func TestLogistic16Saturates(t *testing.T) {
	s := NewSigmoid16(1.0 / 512)
	seen := 0
	for x := 0; x <= math.MaxInt16; x++ {
		if magnitude(s.position(int16(x)))>>9 != 255 {
			continue
		}
		seen++
		dst := make([]int16, 1)
		if s.Logistic(dst, []int16{int16(x)}); dst[0] != math.MaxInt16 {
			t.Fatalf("logistic of %d is %d", x, dst[0])
		}
	}
	if seen == 0 {
		t.Error("no value is there")
	}
}

// TestNorm16LeastVariance: only a variance of 0 is replaced.
func TestNorm16LeastVariance(t *testing.T) {
	run := func(row []int16, least int32) []int16 {
		n := Norm16{Weights: slices.Repeat([]int16{1}, len(row)), Bias: make([]int32, len(row)), Factor: NewMultiplier(1), Least: least}
		n.run(row)
		return row
	}
	if a, b := run([]int16{1, -1, 1, -1}, 1), run([]int16{1, -1, 1, -1}, 1<<20); !slices.Equal(a, b) || a[0] == 0 {
		t.Errorf("with a variance of 1: %v and %v", a, b)
	}
	if a, b := run([]int16{1, 0, 0, 0}, 1), run([]int16{1, 0, 0, 0}, 1<<20); slices.Equal(a, b) {
		t.Errorf("with a variance of 0: %v and %v", a, b)
	}
}

func TestMaxOfZeros(t *testing.T) {
	dst := []byte{9, 9}
	if maxOfRows(nil, dst, make([]byte, 10), 5, 5); dst[0] != 0 || dst[1] != 0 {
		t.Errorf("the largest of zeros is %v", dst)
	}
}

// TestDetectAll: boxes apart from each other all come out, best first, until none is
// left.
func TestDetectAll(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	for n := 1; n <= 12; n++ {
		d := Detect{Anchors: n, Coords: 4, Classes: 1, Max: n + 2, Each: 1, Score: 0.05, IoU: 0.5, Scale: Box{1, 1, 1, 1}}
		anchors, scores := make([]float32, 4*n), make([]float32, n)
		for i, p := range rng.Perm(n) {
			copy(anchors[4*i:], []float32{float32(3 * i), 0, 1, 1})
			scores[i] = float32(p+1) / 16
		}
		m := d.Max
		out := Detections{Boxes: make([]Box, m), Classes: make([]float32, m), Scores: make([]float32, m), Count: make([]float32, 1)}
		d.Run(out, &Reals{F: make([]float32, 4*n)}, &Reals{F: anchors}, &Reals{F: scores}, make([]Candidate, n), nil, make([]int32, 1))
		if out.Count[0] != float32(n) {
			t.Fatalf("%v of %d boxes", out.Count[0], n)
		}
		for i, s := range out.Scores {
			if want := float32(max(n-i, 0)) / 16; s != want {
				t.Errorf("%d boxes: score %d is %g, want %g", n, i, s, want)
			}
			if k := slices.Index(scores, s); i < n && out.Boxes[i].Y0 != float32(3*k)-0.5 {
				t.Errorf("%d boxes: box %d is %v, that of anchor %d", n, i, out.Boxes[i], k)
			}
		}
	}
}

// TestDepthwiseNarrow has images that are nearly columns, which go another way, and
// rows of single channels that end within a vector.
func TestDepthwiseNarrow(t *testing.T) {
	column := Window{InH: 8, InW: 1, OutH: 8, OutW: 1, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1}
	for _, change := range []func(w *Window, inC *int){
		func(w *Window, _ *int) {},
		func(w *Window, _ *int) { w.InW, w.StrideW = 2, 2 },
		func(w *Window, _ *int) { w.KW, w.InW = 2, 2 },
		func(w *Window, _ *int) { w.KW, w.PadLeft = 2, 1 },
		func(w *Window, _ *int) { w.KW, w.PadLeft, w.OutW = 2, 1, 2 },
		func(w *Window, _ *int) { w.PadLeft, w.OutW, w.KW = 1, 3, 1 },
		func(w *Window, _ *int) { w.OutW = 2 }, // of padding
		func(w *Window, _ *int) { w.OutH, w.StrideH = 3, 3 },
		func(w *Window, c *int) { w.InW, w.OutW, w.InH, w.OutH, *c = 17, 17, 2, 2, 1 },
		func(w *Window, c *int) { w.InW, w.OutW, w.KW, w.InH, w.OutH, *c = 19, 17, 3, 2, 2, 1 },
		func(w *Window, c *int) { w.InW, w.OutW, w.InH, w.OutH, *c = 33, 33, 2, 2, 3 },
	} {
		w, inC := column, 5
		change(&w, &inC)
		t.Run(fmt.Sprintf("%+v", w), func(t *testing.T) {
			eachVector8(t, func(t *testing.T, v *vector8) {
				rng := rand.New(rand.NewPCG(24, 5))
				d := &Depthwise[int8]{Window: w, Batch: 1, InC: inC, Multiplier: 1, InZero: 3}
				d.Weights = randomTensor8[int8](rng, d.KH*d.KW*d.InC)
				avoidLowest(v, d.Weights)
				d.Bias, d.Scale, d.Out = randomOutput[int8](rng, d.InC)
				src := randomTensor8[int8](rng, d.InH*d.InW*d.InC)
				want := make([]int8, d.OutH*d.OutW*d.InC)
				got := make([]int8, len(want))
				d.Run(want, src, make([]byte, d.Scratch()))
				tiles := d.tiles(v)
				tiles.run(got, src, make([]byte, tiles.bytes()), share{0, 1})
				sameBytes(t, "pixels", got, want)
			})
		})
	}
}

// TestSinglePixelTaps: a window of several taps on one pixel is no fully connected
// layer.
func TestSinglePixelTaps(t *testing.T) {
	eachVectorF32(t, func(t *testing.T, v *vectorF32) {
		rng := rand.New(rand.NewPCG(25, 5))
		for _, w := range []Window{
			{InH: 2, InW: 3, KH: 2, KW: 2}, {InH: 2, InW: 2, KH: 2, KW: 1}, {InH: 3, InW: 3, KH: 2, KW: 1}, {InH: 1, InW: 3, KH: 1, KW: 2},
		} {
			w.OutH, w.OutW, w.StrideH, w.StrideW, w.DilationH, w.DilationW = 1, 1, 2, 2, 1, 1
			c := &ConvF32{Window: w, Batch: 1, Groups: 1, InC: 3, OutC: 150, Out: Range{float32(math.Inf(-1)), float32(math.Inf(1))}}
			c.Weights, c.Bias = randomFloats(rng, c.OutC*c.Depth()), randomFloats(rng, c.OutC)
			src := randomFloats(rng, c.InH*c.InW*c.InC)
			want, got := make([]float32, c.OutC), make([]float32, c.OutC)
			c.Run(want, src, make([]float32, Lanes*c.Depth()))
			tiles := c.tiles(v)
			tiles.run(got, src, make([]float32, tiles.in.size()))
			sameFloats(t, fmt.Sprintf("%+v", w), got, want)
		}
	})
}

// TestMulHigh: twice the product's upper half, halves up, of either sign.
func TestMulHigh(t *testing.T) {
	rng := rand.New(rand.NewPCG(26, 5))
	for range 10000 {
		a, b := int32(rng.Uint32())>>rng.IntN(31), int32(rng.Uint32())>>rng.IntN(31)
		if got, want := mulHigh(a, b), int32((int64(a)*int64(b)+1<<30)>>31); got != want && (a != b || a != math.MinInt32) {
			t.Fatalf("%d * %d is %d, want %d", a, b, got, want)
		}
	}
	for _, c := range [][3]int32{{-1 << 16, 1 << 14, 0}, {-1<<16 - 1, 1 << 14, -1}, {1 << 16, 1 << 14, 1}, {1<<16 - 1, 1 << 14, 0}, {-3 << 16, 1 << 14, -1}} {
		if got := mulHigh(c[0], c[1]); got != c[2] {
			t.Errorf("%d * %d is %d, want %d", c[0], c[1], got, c[2])
		}
	}
}

// TestSplitsOneImage: parts are those of one image.
func TestSplitsOneImage(t *testing.T) {
	eachVector8(t, func(t *testing.T, v *vector8) {
		for batch, want := range map[int]bool{1: true, 2: false, 3: false} {
			c := &Conv[int8]{Window: Window{InH: 2, InW: 2, OutH: 2, OutW: 2, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1}, Batch: batch, Groups: 1, InC: 1, OutC: 1}
			c.Weights, c.Bias, c.Scale = []int8{1}, []int32{0}, []float32{1}
			c.fast = c.tiles(v)
			if got := c.Splits(); got != want {
				t.Errorf("%d images: %v", batch, got)
			}
		}
	})
}

// TestSplits: parts are those of one image, and of one group.
func TestSplits(t *testing.T) {
	w := Window{InH: 2, InW: 2, OutH: 2, OutW: 2, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1}
	for _, tier := range Tiers() {
		t.Setenv(TierVariable, tier)
		for batch := 1; batch <= 3; batch++ {
			for groups := 1; groups <= 3; groups++ {
				bytes := &Conv[int8]{Window: w, Batch: batch, Groups: groups, InC: 1, OutC: 1, Weights: make([]int8, groups), Bias: make([]int32, groups), Scale: make([]float32, groups)}
				words := &Conv16{Window: w, Batch: batch, Groups: groups, InC: 1, OutC: 1, Weights: make([]int8, groups), Bias: make([]int64, groups), Out: Out16{Factor: make([]Multiplier, groups)}}
				floats := &ConvF32{Window: w, Batch: batch, Groups: groups, InC: 1, OutC: 1, Weights: make([]float32, groups), Bias: make([]float32, groups)}
				bytes.Choose()
				words.Choose()
				floats.Choose()
				for _, c := range []struct {
					name string
					fast bool
					got  bool
				}{{"bytes", bytes.fast != nil, bytes.Splits()}, {"words", words.fast != nil, words.Splits()}, {"floats", floats.fast != nil, floats.Splits()}} {
					if c.got != (c.fast && batch == 1 && groups == 1) {
						t.Errorf("%s, %s, %d images, %d groups: %v", tier, c.name, batch, groups, c.got)
					}
				}
			}
			d := &DepthwiseF32{Window: w, Batch: batch, InC: 1, Multiplier: 1, Weights: make([]float32, 1), Bias: make([]float32, 1)}
			if d.Pack(); d.Splits() != (d.fast != nil && batch == 1) {
				t.Errorf("%s, depthwise, %d images: %v", tier, batch, d.Splits())
			}
		}
	}
}

// TestInputSums: what kernels add to bytes above or below 128 takes the sum of each pixel;
// gathered rows they need not.
func TestInputSums(t *testing.T) {
	for _, tier := range Tiers() {
		t.Setenv(TierVariable, tier)
		for zero := int32(125); zero <= 131; zero++ {
			c := &Conv[uint8]{Window: Window{InH: 2, InW: 3, OutH: 2, OutW: 3, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1}, Batch: 1, Groups: 1, InC: 4, OutC: 20, WeightZero: zero}
			c.Weights, c.Bias, c.Scale = make([]uint8, 80), make([]int32, 20), make([]float32, 20)
			c.Choose()
			want := 6
			if zero == 128 {
				want = 0
			}
			if rows, pairs, _, sums := c.ScratchSizes(); c.fast != nil && (rows != 0 || pairs != 0 || sums != want) {
				t.Errorf("%s, weights around %d: %d rows, %d pairs, %d sums of 6 pixels", tier, zero, rows, pairs, sums)
			}
		}
	}
}

// TestHardSwishScales: LiteRT takes no input scale of more than 128 output scales.
func TestHardSwishScales(t *testing.T) {
	in := Side{Signed: true, Scale: 1}
	for scale, want := range map[float32]bool{1.0 / 200: false, 1.0 / 130: false, 1.0 / 120: true, 1.0 / 64: true} {
		if got := NewHardSwish8(in, scale, Clamp8{Min: -128, Max: 127}) != nil; got != want {
			t.Errorf("output scale %g: %v", scale, got)
		}
	}
	for scale, want := range map[float32]bool{760: true, 770: false, 1530: false, 1540: false} { // 3 * 2^16 / 256 is 768
		if got := NewHardSwish8(Side{Signed: true, Scale: scale}, scale, Clamp8{Min: -128, Max: 127}) != nil; got != want {
			t.Errorf("input scale %g: %v", scale, got)
		}
	}
}

// TestHardSwishNear holds tables of scales on both sides of where the second factor's
// shift changes its direction: two steps of the output from the formula at most.
func TestHardSwishNear(t *testing.T) {
	for _, scale := range []float32{0.001, 0.005, 0.0117, 0.0118, 0.02, 0.0235, 0.03, 0.05, 0.1, 0.5, 3} {
		in := Side{Signed: true, Scale: scale, Zero: -5}
		for _, outScale := range []float32{scale / 2, scale, 2 * scale} {
			table := NewHardSwish8(in, outScale, Clamp8{Zero: 3, Min: -128, Max: 127})
			src, dst := make([]byte, 256), make([]byte, 256)
			for i := range src {
				src[i] = byte(i)
			}
			table.Run(dst, src)
			for i, got := range dst {
				x := float64(int32(int8(i))-in.Zero) * float64(scale)
				want := min(max(x*min(max(x+3, 0), 6)/6/float64(outScale)+3, -128), 127)
				if math.Abs(float64(int8(got))-want) > 2 {
					t.Fatalf("scales %g and %g, input %d: %d, want %.2f", scale, outScale, int8(i), int8(got), want)
				}
			}
		}
	}
}

// TestNarrow: mantissas that would round to 2^15 stay below.
func TestNarrow(t *testing.T) {
	for m, want := range map[int32]int32{1 << 30: 1 << 14, 1<<30 + 1<<15: 1<<14 + 1, 1<<30 + 1<<15 - 1: 1 << 14, math.MaxInt32 - 1<<16: math.MaxInt16, math.MaxInt32 - 1<<15: math.MaxInt16, math.MaxInt32 - 1<<15 + 1: math.MaxInt16, math.MaxInt32 - 1: math.MaxInt16, math.MaxInt32: math.MaxInt16} {
		if got := narrow(m); got != want {
			t.Errorf("%d is cut to %d, want %d", m, got, want)
		}
	}
}

// TestTable16Infinite: no line is drawn through an infinity, wherever it lies.
func TestTable16Infinite(t *testing.T) {
	for _, sign := range []int{1, -1} {
		const scale = 1.0 / 32768
		step := float32(scale*math.MaxInt16+1) / 512
		for _, at := range []float32{-1, -1 + step, -1 + step/2, -1 + 77*step, -1 + 77*step + step/2, scale * math.MaxInt16} {
			if NewTable16(scale, scale, func(x float32) float32 {
				if math.Abs(float64(x-at)) < 1e-5 {
					return float32(math.Inf(sign))
				}
				return 0
			}) != nil {
				t.Errorf("a table of a function that is infinite at %g", at)
			}
		}
		if NewTable16(scale, scale, func(x float32) float32 { return float32(sign) * x }) == nil {
			t.Error("no table of a line")
		}
	}
}
