package agent

import (
	"context"
	"slices"
	"testing"

	"github.com/dunlin-edge/dunlin/hal"
)

func block(frames int) hal.Block { return hal.Block{Frames: frames} }

// TestLiveLaneCountsLosses fills a live lane: what does not fit is lost, and
// the next chunk that fits declares all of it.
func TestLiveLaneCountsLosses(t *testing.T) {
	l := newLane[chunk](2)
	ctx := context.Background()
	for i := range 5 {
		b := block(10)
		b.NewItem = i == 3
		if err := putSamples(ctx, l, true, b, make([]float32, 10)); err != nil {
			t.Fatalf("put %d: %v", i, err)
		}
	}
	if n := l.lost.Load(); n != 30 {
		t.Errorf("lost %d, want 30", n)
	}
	for range 2 {
		c := <-l.full
		if c.Lost != 0 || c.NewItem {
			t.Errorf("an early chunk declares %d lost, new item %v", c.Lost, c.NewItem)
		}
		l.free <- c
	}
	b := block(10)
	b.Lost = 7 // the source lost some itself
	if err := putSamples(ctx, l, true, b, make([]float32, 10)); err != nil {
		t.Fatal(err)
	}
	if c := <-l.full; c.Lost != 37 || !c.NewItem || l.lost.Load() != 37 {
		t.Errorf("chunk declares %d lost, new item %v; lane counts %d; want 37, true and 37", c.Lost, c.NewItem, l.lost.Load())
	}
}

// TestWaitingLaneLosesNothing has a slow reader on a lane that waits.
func TestWaitingLaneLosesNothing(t *testing.T) {
	l := newLane[chunk](2)
	go func() {
		for i := range 100 {
			putSamples(context.Background(), l, false, block(1), []float32{float32(i)})
		}
		close(l.full)
	}()
	var got []float32
	for c := range l.full {
		got = append(got, c.samples...)
		l.free <- c
	}
	for i, v := range got {
		if v != float32(i) {
			t.Fatalf("sample %d is %v", i, v)
		}
	}
	if len(got) != 100 || l.lost.Load() != 0 {
		t.Errorf("%d samples, %d lost, want 100 and 0", len(got), l.lost.Load())
	}
}

func TestWaitingLaneEndsWithContext(t *testing.T) {
	l := newLane[chunk](1)
	ctx, cancel := context.WithCancel(context.Background())
	if err := putSamples(ctx, l, false, block(1), []float32{1}); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := putSamples(ctx, l, false, block(1), []float32{1}); err == nil {
		t.Error("a full lane took a chunk after the end")
	}
}

// TestNewestFrameWins puts frames into a live lane that nobody reads.
func TestNewestFrameWins(t *testing.T) {
	l := newLane[hal.Frame](frameDepth)
	f := hal.Frame{Width: 2, Height: 1, Stride: 2, Channels: 1, Pix: []byte{0, 0}}
	for i := range 10 {
		f.Seq, f.Pix[0] = uint64(i), byte(i)
		if err := putFrame(context.Background(), l, true, &f); err != nil {
			t.Fatal(err)
		}
	}
	got := <-l.full
	if got.Seq != 9 || !slices.Equal(got.Pix, []byte{9, 0}) || len(l.full) != 0 {
		t.Errorf("frame %d with %v, %d waiting; want 9 and none", got.Seq, got.Pix, len(l.full))
	}
	if n := l.lost.Load(); n != 9 {
		t.Errorf("passed over %d, want 9", n)
	}
}

func TestLanesAllocateNothing(t *testing.T) {
	ctx := context.Background()
	samples, frames := newLane[chunk](4), newLane[hal.Frame](frameDepth)
	data := make([]float32, 300)
	f := hal.Frame{Width: 8, Height: 8, Stride: 8, Channels: 1, Pix: make([]byte, 64)}
	round := func() {
		putSamples(ctx, samples, true, block(100), data)
		samples.free <- <-samples.full
		putFrame(ctx, frames, true, &f)
		frames.free <- <-frames.full
	}
	for range 8 {
		round()
	}
	if n := testing.AllocsPerRun(100, round); n != 0 {
		t.Errorf("%v allocations per block, want 0", n)
	}
}

// TestBlocksEndWithWindows: a source is read in blocks that complete windows,
// whatever hop and length have in common, and no more often.
func TestBlocksEndWithWindows(t *testing.T) {
	const length, hop, rate = 1024, 320, 3200
	l := newLane[chunk](4)
	l.hop.Store(hop)
	f := &feed{samples: []*lane[chunk]{l}}
	ends := []int64{}
	for range 12 {
		n := f.block(rate)
		if err := putSamples(t.Context(), l, true, hal.Block{Frames: n}, make([]float32, n)); err != nil {
			t.Fatal(err)
		}
		c, _ := l.next()
		ends = append(ends, c.end)
		due := int64(length)
		for due <= c.end {
			due += hop
		}
		l.due.Store(due)
		l.free <- c
	}
	// The first blocks know nothing of the length; from then on each ends a window.
	for i, end := range ends[4:] {
		if (end-length)%hop != 0 || i > 0 && end-ends[4+i-1] != hop {
			t.Errorf("blocks end at %v", ends)
			break
		}
	}
	l.due.Store(l.due.Load() - 7*hop) // a reader that is seven windows behind
	if n := f.block(rate); n != hop {
		t.Errorf("behind: %d frames", n)
	}
	other := newLane[chunk](4)
	f.samples = append(f.samples, other)
	if n := f.block(rate); n != rate/blocksPerSecond {
		t.Errorf("with a reader whose windows are not known: %d frames", n)
	}
	f.samples = nil
	if n := f.block(rate); n != rate/blocksPerSecond {
		t.Errorf("without readers: %d frames", n)
	}
}
