package inference

import "crypto/sha256"

// digest is the SHA-256 of a model's bytes, added up beside the planning: it is not
// needed before the first run.
type digest struct {
	sum  [sha256.Size]byte
	done chan struct{}
}

// digestOf begins to add up data. Once it needs data no more it calls then,
// unless that is nil.
func digestOf(data []byte, then func()) *digest {
	d := &digest{done: make(chan struct{})}
	go func() {
		d.sum = sha256.Sum256(data)
		close(d.done)
		if then != nil {
			then()
		}
	}()
	return d
}

// knownDigest is one that nobody has to wait for.
func knownDigest(sum [sha256.Size]byte) *digest {
	d := &digest{sum: sum, done: make(chan struct{})}
	close(d.done)
	return d
}

func (d *digest) wait() [sha256.Size]byte {
	<-d.done
	return d.sum
}
