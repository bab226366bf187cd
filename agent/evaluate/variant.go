package evaluate

import (
	"math"
	"math/rand/v2"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/inference/pipeline"
	"github.com/dunlin-edge/dunlin/inference/vision"
)

// A Variant changes the data as the world may, to see how a model bears it.
type Variant struct {
	Name string
	set  func(c *agent.Classifier, rng *rand.Rand)
}

// Variants are what a bundle's kind of data is tried with: noise 20 dB below
// the signal, half and one and a half times the gain, and blur for images.
func Variants(kind string) []Variant {
	switch kind {
	case pipeline.KindImage:
		return []Variant{
			{"noise", func(c *agent.Classifier, rng *rand.Rand) { c.Image = func(m *vision.Image) { noisePixels(rng, m) } }},
			{"darker", func(c *agent.Classifier, _ *rand.Rand) { c.Image = func(m *vision.Image) { scalePixels(m, 0.7) } }},
			{"brighter", func(c *agent.Classifier, _ *rand.Rand) { c.Image = func(m *vision.Image) { scalePixels(m, 1.3) } }},
			{"blur", func(c *agent.Classifier, _ *rand.Rand) { c.Image = blur }},
		}
	case pipeline.KindTensor:
		return nil // nobody knows what its numbers mean
	}
	return []Variant{
		{"noise", func(c *agent.Classifier, rng *rand.Rand) { c.Samples = func(s []float32) { noise(rng, s) } }},
		{"half gain", func(c *agent.Classifier, _ *rand.Rand) { c.Samples = func(s []float32) { scale(s, 0.5) } }},
		{"1.5 gain", func(c *agent.Classifier, _ *rand.Rand) { c.Samples = func(s []float32) { scale(s, 1.5) } }},
	}
}

// noiseShare is the amplitude of noise relative to the signal's: -20 dB.
const noiseShare = 0.1

func noise(rng *rand.Rand, s []float32) {
	var sum, square float64
	for _, v := range s {
		sum += float64(v)
		square += float64(v) * float64(v)
	}
	n := float64(len(s))
	deviation := math.Sqrt(max(0, square/n-sum/n*sum/n))
	for i := range s {
		s[i] += float32(rng.NormFloat64() * deviation * noiseShare)
	}
}

func scale(s []float32, by float32) {
	for i := range s {
		s[i] *= by
	}
}

// pixelNoise is the deviation of noise in steps of 8 bits.
const pixelNoise = 10

func noisePixels(rng *rand.Rand, m *vision.Image) {
	each(m, func(p []byte) {
		for i, v := range p {
			p[i] = clamp(float64(v) + rng.NormFloat64()*pixelNoise)
		}
	})
}

func scalePixels(m *vision.Image, by float64) {
	each(m, func(p []byte) {
		for i, v := range p {
			p[i] = clamp(float64(v) * by)
		}
	})
}

func clamp(v float64) byte { return byte(min(max(math.Round(v), 0), 255)) }

// each hands out a picture's rows.
func each(m *vision.Image, change func([]byte)) {
	for y := range m.Height {
		change(m.Pix[y*m.Stride:][:m.Width*m.Channels])
	}
}

// blur gives each pixel the mean of the 3x3 around it.
func blur(m *vision.Image) {
	src := append([]byte(nil), m.Pix...)
	for y := range m.Height {
		for x := range m.Width {
			for c := range m.Channels {
				sum, n := 0, 0
				for v := max(0, y-1); v <= min(m.Height-1, y+1); v++ {
					for u := max(0, x-1); u <= min(m.Width-1, x+1); u++ {
						sum += int(src[v*m.Stride+u*m.Channels+c])
						n++
					}
				}
				m.Pix[y*m.Stride+x*m.Channels+c] = byte((sum + n/2) / n)
			}
		}
	}
}
