package inference

import "crypto/sha256"

// hashed is how many bytes are hashed at once: the collector waits for no more.
const hashed = 64 << 10

// digest is the SHA-256 of a model's bytes, added up beside the reading and the
// planning.
type digest struct {
	sum   [sha256.Size]byte
	parts chan []byte
	done  chan struct{}
}

func newDigest() *digest {
	d := &digest{parts: make(chan []byte, 8), done: make(chan struct{})}
	go d.run()
	return d
}

func (d *digest) run() {
	h := sha256.New()
	for p := range d.parts {
		for len(p) > 0 {
			n := min(len(p), hashed)
			h.Write(p[:n])
			p = p[n:]
		}
	}
	h.Sum(d.sum[:0])
	close(d.done)
}

// add adds what follows. It must not change before end returns.
func (d *digest) add(part []byte) { d.parts <- part }

// end returns the sum of all that was added. It must be called once.
func (d *digest) end() [sha256.Size]byte {
	close(d.parts)
	<-d.done
	return d.sum
}
