// Package hal has the words for the physical world: what a sensor, a camera
// and an actuator are to the rest of the device.
//
// Start with [Sensor], [Camera] and [Actuator]. Drivers live in the folders
// below: replay reads recordings, sim makes signals up and says so.
//
// A stream is counted, never guessed: a driver reports how many samples were
// lost before a block, and a rate in the stream's own clock.
package hal

import (
	"context"
	"errors"
	"time"
)

// Errors a caller branches on.
var (
	// ErrNoData means that nothing is there yet; reading later may succeed.
	ErrNoData = errors.New("no data yet")
	// ErrAbsent means that the device is not there, or no longer.
	ErrAbsent = errors.New("device is absent")
	// ErrHalted means that Halt was called.
	ErrHalted = errors.New("device is halted")
)

// Kinds of sample streams.
const (
	KindAudio     = "audio"     // sound, values in [-1, 1)
	KindVibration = "vibration" // acceleration in g
	KindSamples   = "samples"   // anything else; the unit says what
)

// StreamInfo describes a sensor's stream of samples.
type StreamInfo struct {
	Kind     string   // KindAudio, KindVibration or KindSamples
	Channels int      // values per frame
	RateHz   float64  // frames per second
	Unit     string   // of every value: "g", "V", ...; empty for audio
	Names    []string // of the channels, where they have some
	// Simulated is true where no physical device is behind the stream; it is
	// shown wherever the stream's results are.
	Simulated bool
	Exclusive bool // only one pipeline can read it
}

// A Block describes the frames of one Read.
type Block struct {
	Frames  int       // frames read; each holds Channels values
	Time    time.Time // of the first frame
	Lost    uint64    // frames lost before this block
	Item    string    // where the frames come from, for example a file's name
	NewItem bool      // the first block of a clip: windows start afresh
}

// A Sensor is a stream of samples. One goroutine reads; Halt may be called
// from any and is idempotent.
type Sensor interface {
	Info() StreamInfo
	// Read fills buf with whole interleaved frames and returns how many. It
	// blocks until at least one frame is there or ctx ends. io.EOF means the
	// recording is over; a block with frames never comes with an error.
	Read(ctx context.Context, buf []float32) (Block, error)
	// Halt stops the sensor: a pending and every later Read returns ErrHalted.
	Halt() error
}

// A Pace is what a sensor with a clock of its own really does.
type Pace struct {
	RateHz float64       // measured; 0 before it is known
	Jitter time.Duration // mean deviation of what comes from an even pace
}

// A Paced sensor measures its own pace. Pace may be called from any goroutine.
type Paced interface{ Pace() Pace }

// FrameInfo describes a camera's stream of images.
type FrameInfo struct {
	Width, Height int     // of the next images; 0 where they vary
	RateHz        float64 // images per second; 0 where there is no pace
	Simulated     bool    // no physical camera is behind it
	Exclusive     bool    // only one pipeline can read it
}

// A Frame is one image: 8-bit interleaved channels (1 gray, 3 RGB), Stride
// bytes from one row to the next.
type Frame struct {
	Width, Height, Stride, Channels int

	Pix  []byte
	Time time.Time
	Seq  uint64 // ordinal of the frame at the source; a jump means frames were dropped
	Item string // where the image comes from, for example a file's name
}

// A Camera is a stream of images. One goroutine captures; Halt may be called
// from any and is idempotent.
type Camera interface {
	Info() FrameInfo
	// Capture waits for the next image and puts it into f, reusing f.Pix
	// where it is large enough. io.EOF means the recording is over.
	Capture(ctx context.Context, f *Frame) error
	Halt() error
}

// An Actuator acts on the world. Its methods may be called concurrently.
type Actuator interface {
	// Set asks for a value in the actuator's own unit.
	Set(ctx context.Context, value float64) error
	// Halt puts the actuator into its safe state. It is idempotent, and works
	// after a failed Set.
	Halt() error
}
