package telemetry

import (
	"bytes"
	"fmt"
	"os"
	"time"

	"github.com/dunlin-edge/dunlin/telemetry/capture"
)

// captureSome keeps captures and tells each one's id when it is promised.
func captureSome(dir string) {
	s := capture.New(capture.Config{Dir: dir, Now: func() time.Time { return time.Unix(1e9, 0) }})
	for i := range 4 {
		e, _, err := s.Add(&capture.Capture{
			Time: time.Unix(1e9+int64(i), 0), State: []byte{1}, Input: bytes.Repeat([]byte{byte(i)}, 3000), Output: []byte{2},
		})
		if err != nil {
			panic(err)
		}
		fmt.Fprintln(os.Stdout, e.ID)
	}
}
