package pipeline

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/dunlin-edge/dunlin/inference/signal"
)

const plain = `{"source":{"kind":"samples","rate":100,"channels":%d},"window":{"length":%d,"hop":%d}}`

func TestWindowsLoseNoSample(t *testing.T) {
	for _, c := range []struct{ channels, length, hop int }{{1, 4, 1}, {1, 4, 4}, {1, 4, 7}, {2, 2, 1}, {4, 1, 3}} {
		for _, piece := range []int{1, 3, 50, 5000} {
			p := piped(t, "float4", fmt.Sprintf(plain, c.channels, c.length, c.hop))
			const frames = 3001
			list := collect(t, p, ramp(frames*c.channels), piece)
			if want := (frames-c.length)/c.hop + 1; len(list) != want {
				t.Fatalf("%+v in pieces of %d: %d windows, want %d", c, piece, len(list), want)
			}
			for i, w := range list {
				first := float32(i * c.hop * c.channels)
				if w.start != int64(i*c.hop) || w.scores[0] != first || w.scores[3] != first+3 {
					t.Fatalf("%+v in pieces of %d: window %d is %+v", c, piece, i, w)
				}
			}
		}
	}
}

func TestWriteTakesOnlyWhatFits(t *testing.T) {
	p := piped(t, "float4", fmt.Sprintf(plain, 1, 4, 4))
	took := p.Write(ramp(100000))
	if took < 4 || took == 100000 || p.Write(ramp(10)) != 0 {
		t.Fatalf("took %d of 100000 frames, then more", took)
	}
	if n := len(collect(t, p, nil, 1)); n != 0 {
		t.Errorf("nothing fed, %d windows", n)
	}
	if n := len(collect(t, p, []float32{float32(took)}, 1)); n != took/4 {
		t.Errorf("%d windows, want %d", n, took/4)
	}
}

const (
	microSpec = `{"source":{"kind":"audio","rate":16000},"window":{"length":16000,"hop":%d},"preprocess":[{"op":"micro_frontend"}]}`
	lfbeSpec  = `{"source":{"kind":"audio","rate":16000},"window":{"length":15872,"hop":512},"preprocess":[{"op":"lfbe"}]}`
)

// A sliding front end must see each frame once, whatever the pieces.
func TestSlidingEqualsOnePass(t *testing.T) {
	samples := noise(1, 40000)
	f, err := signal.NewMicroFrontend(signal.MicroConfig{})
	if err != nil {
		t.Fatal(err)
	}
	var rows []float32
	line := make([]int16, 40)
	for at := 0; at+480 <= len(samples); at += 320 {
		f.FrameFloat(line, samples[at:at+480])
		for _, v := range line {
			rows = append(rows, signal.MicroReal(v))
		}
	}
	for _, piece := range []int{1, 333, 16000} {
		list := collect(t, piped(t, "micro", fmt.Sprintf(microSpec, 640)), samples, piece)
		if len(list) != (40000-16000)/640+1 {
			t.Fatalf("%d windows", len(list))
		}
		for i, w := range list {
			if want := rows[i*2*40 : i*2*40+1960]; !slices.Equal(w.scores, want) {
				t.Fatalf("pieces of %d: window %d differs from one pass", piece, i)
			}
		}
	}
}

// With a hop between two frames every window starts from a reset front end.
func TestWholeWindowsStartAnew(t *testing.T) {
	samples := noise(2, 33000)
	list := collect(t, piped(t, "micro", fmt.Sprintf(microSpec, 1000)), samples, 777)
	if len(list) != 18 {
		t.Fatalf("%d windows, want 18", len(list))
	}
	for i, w := range list {
		alone := collect(t, piped(t, "micro", fmt.Sprintf(microSpec, 1000)), samples[i*1000:i*1000+16000], 16000)
		if !slices.Equal(w.scores, alone[0].scores) {
			t.Fatalf("window %d differs from the same samples alone", i)
		}
	}
}

func TestSlidingEqualsWholeForStatelessFeatures(t *testing.T) {
	samples := noise(3, 20000)
	slid := collect(t, piped(t, "lfbe", lfbeSpec), samples, 100)
	p := piped(t, "lfbe", lfbeSpec)
	p.stream.slides = false
	whole := collect(t, p, samples, 100)
	// Pre-emphasis sees the sample before a sliding window, but 0 before a
	// whole one: the first row differs, the rest must not.
	for i := range whole {
		if i > 0 {
			copy(whole[i].scores[:40], slid[i].scores[:40])
		}
	}
	if err := sameWindows(slid, whole); err != nil {
		t.Error(err)
	}
}

func TestMicroFeaturesEnterInt8AsTFLMMakesThem(t *testing.T) {
	samples := noise(4, 16000)
	real := collect(t, piped(t, "micro", fmt.Sprintf(microSpec, 320)), samples, 16000)[0]
	p := piped(t, "micro8", fmt.Sprintf(microSpec, 320))
	collect(t, p, samples, 16000)
	for i, q := range p.input.Int8() {
		f := int16(math.Round(float64(real.scores[i]) * 25.6))
		if want := signal.MicroInt8(f); q != want {
			t.Fatalf("value %d is %d, want %d", i, q, want)
		}
	}
}

func TestMissingPadsAShortClip(t *testing.T) {
	p := piped(t, "float4", fmt.Sprintf(plain, 2, 2, 5))
	for _, want := range []int{2, 1, 0} {
		if n := p.Missing(); n != want {
			t.Errorf("%d frames missing, want %d", n, want)
		}
		p.Write(ramp(2))
	}
	if list := collect(t, p, ramp(2), 1); len(list) != 1 || p.Missing() != 3 {
		t.Errorf("%d windows, then %d frames missing, want 1 and 3", len(list), p.Missing())
	}
}

func TestGapRestartsWindows(t *testing.T) {
	p := piped(t, "float4", fmt.Sprintf(plain, 1, 4, 2))
	if list := collect(t, p, ramp(7), 7); len(list) != 2 {
		t.Fatalf("%d windows, want 2", len(list))
	}
	p.Gap(10)
	list := collect(t, p, []float32{100, 101, 102, 103, 104, 105}, 6)
	if len(list) != 2 || list[0].start != 17 || list[0].scores[0] != 100 || list[1].start != 19 {
		t.Errorf("after the gap: %+v", list)
	}
	if g := p.Gaps(); g != (Gaps{Count: 1, Samples: 10}) {
		t.Errorf("gaps: %+v", g)
	}
	p.Reset()
	if list := collect(t, p, ramp(4), 4); len(list) != 1 || list[0].start != 0 {
		t.Errorf("after Reset: %+v", list)
	}
}

func TestResetRepeatsExactly(t *testing.T) {
	p := piped(t, "micro", fmt.Sprintf(microSpec, 320))
	samples := noise(5, 20000)
	first := collect(t, p, samples, 500)
	p.Reset()
	if err := sameWindows(collect(t, p, samples, 1234), first); err != nil {
		t.Error(err)
	}
}

func TestSampleThatIsNoNumber(t *testing.T) {
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(-1))} {
		p := piped(t, "float4", fmt.Sprintf(plain, 2, 2, 2))
		samples := ramp(20)
		samples[7] = bad // frame 3, channel 1
		p.Write(samples)
		var r Result
		_, err := p.Next(context.Background(), &r)
		if err == nil || !strings.Contains(err.Error(), "sample 3 of channel 1") {
			t.Fatalf("error %v, want sample 3 of channel 1", err)
		}
		ok, err := p.Next(context.Background(), &r)
		if !ok || err != nil || r.Start != 4 || r.Scores[0] != 8 {
			t.Errorf("then %v %v %+v, want the window at 4", ok, err, r)
		}
	}
}

func TestChannelsMixAndScale(t *testing.T) {
	for stages, want := range map[string][]float32{
		`{"op":"channel","index":1}`: {1, 3, 5, 7},
		`{"op":"mono"}`:              {0.5, 2.5, 4.5, 6.5},
		`{"op":"mono"},{"op":"scale","multiply":2,"add":-1}`:     {0, 4, 8, 12},
		`{"op":"channel"},{"op":"divide_by_max"}`:                {0, 2. / 6, 4. / 6, 1},
		`{"op":"channel"},{"op":"normalize","mean":[2]}`:         {-2, 0, 2, 4},
		`{"op":"mono"},{"op":"normalize","std":[0.5,0.5,0.5,1]}`: {1, 5, 9, 6.5},
	} {
		p := piped(t, "float4", `{"source":{"kind":"samples","rate":10,"channels":2},"window":{"length":4},"preprocess":[`+stages+`]}`)
		list := collect(t, p, ramp(8), 4)
		if len(list) != 1 || !slices.Equal(list[0].scores, want) {
			t.Errorf("%s: %+v, want %v", stages, list, want)
		}
	}
}

// Steps before a sliding front end are bound to its frames.
func TestStereoThroughSlidingFrontEnd(t *testing.T) {
	one := noise(6, 18000)
	two := make([]float32, 0, 36000)
	for _, v := range one {
		two = append(two, 0.25, v)
	}
	want := collect(t, piped(t, "micro", fmt.Sprintf(microSpec, 320)), one, 500)
	stereo := strings.Replace(fmt.Sprintf(microSpec, 320), `"rate":16000`, `"rate":16000,"channels":2`, 1)
	stereo = strings.Replace(stereo, `[{`, `[{"op":"channel","index":1},{`, 1)
	if err := sameWindows(collect(t, piped(t, "micro", stereo), two, 500), want); err != nil {
		t.Error(err)
	}
}

func TestVibrationWindow(t *testing.T) {
	p := piped(t, "float4", `{"source":{"kind":"vibration","rate":100,"channels":2},"window":{"length":8},
		"preprocess":[{"op":"vibration","features":["mean","peak"]},{"op":"normalize","mean":[1,0,1,0],"std":[2,1,2,1]}]}`)
	if u := p.Source().Unit; u != "g" {
		t.Errorf("unit %q, want g", u)
	}
	list := collect(t, p, ramp(16), 8)
	if len(list) != 1 || !slices.Equal(list[0].scores, []float32{3, 7, 3.5, 7}) {
		t.Errorf("%+v, want [3 7 3.5 7]", list)
	}
}
