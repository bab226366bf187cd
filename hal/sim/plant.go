package sim

import "github.com/dunlin-edge/dunlin/hal/internal/exact"

// maxHarmonic is the highest shaft harmonic modelled.
const maxHarmonic = 3

// tone is an amplitude (g) and a phase (turns) per axis, kept as what goes with
// the sine and the cosine of the angle.
type tone struct{ sin, cos [3]float64 }

// set gives an axis its amplitude and phase.
func (t *tone) set(axis int, amp, phase float64) {
	t.sin[axis], t.cos[axis] = float64(amp*exact.Cos(phase)), float64(amp*exact.Sin(phase))
}

func (t *tone) addTo(out *[3]float64, a angle, scale float64) {
	if scale == 0 { // a fault the machine never had
		return
	}
	for c := range out {
		out[c] += float64(scale * (float64(t.sin[c]*a.sin) + float64(t.cos[c]*a.cos)))
	}
}

// angle is the sine and the cosine of one.
type angle struct{ sin, cos float64 }

func angleOf(turns float64) angle { return angle{exact.Sin(turns), exact.Cos(turns)} }

func (a angle) plus(b angle) angle {
	return angle{
		sin: float64(a.sin*b.cos) + float64(a.cos*b.sin),
		cos: float64(a.cos*b.cos) - float64(a.sin*b.sin),
	}
}

// plant is the machine a seed chooses: constants of the signal model.
type plant struct {
	shaftHz      float64
	residual     [maxHarmonic]tone // what every machine has at 1x..3x
	imbalance    tone
	misalignment [maxHarmonic]tone
	gear         tone
	gearTeeth    float64
	sideband     float64 // modulation depth of the gear mesh by the shaft
	mains        tone
	noise        [3]float64 // standard deviation, g
	gravity      [3]float64
	bpfoOrder    float64 // impacts per turn
	slip         float64 // relative jitter of the interval between impacts
	resonanceHz  float64
	decaySeconds float64
	impact       [3]float64 // g per impact
	knocksPerSec float64
}

// newPlant draws a machine. Ranges overlap on purpose: a machine with much
// residual imbalance is close to one with a light imbalance fault.
func newPlant(r *rng, shaftHz float64) *plant {
	p := &plant{shaftHz: shaftHz}
	if drawn := r.uniform(22, 32); shaftHz == 0 {
		p.shaftHz = drawn
	}
	first := r.uniform(0.03, 0.18)
	p.residual[0] = rotating(r, first, 0.35)
	p.residual[1] = scattered(r, r.uniform(0.01, 0.1), [3]float64{1, 0.8, 0.9})
	p.residual[2] = scattered(r, r.uniform(0.005, 0.04), [3]float64{1, 0.9, 0.8})
	p.imbalance = rotating(r, r.uniform(0.35, 0.6), 0.15)
	two := r.uniform(0.26, 0.48)
	p.misalignment[0] = scattered(r, float64(two*r.uniform(0.3, 0.7)), [3]float64{0.4, 0.4, 1})
	p.misalignment[1] = scattered(r, two, [3]float64{0.6, 0.5, 1})
	p.misalignment[2] = scattered(r, float64(two*r.uniform(0.15, 0.5)), [3]float64{0.6, 0.6, 1})
	p.gear = scattered(r, r.uniform(0.02, 0.1), [3]float64{1, 0.8, 0.6})
	p.gearTeeth = float64(int(r.uniform(15, 24)))
	p.sideband = r.uniform(0.1, 0.5)
	p.mains = scattered(r, r.uniform(0.005, 0.04), [3]float64{1, 1, 0.3})
	floor := r.uniform(0.02, 0.08)
	p.noise = [3]float64{floor, floor * r.uniform(0.8, 1.2), floor * r.uniform(0.7, 1.1)}
	p.gravity = [3]float64{r.uniform(-0.1, 0.1), r.uniform(0.98, 1), r.uniform(-0.1, 0.1)}
	p.bpfoOrder = r.uniform(3.05, 3.6)
	p.slip = r.uniform(0.005, 0.02)
	p.resonanceHz = r.uniform(850, 1350)
	p.decaySeconds = r.uniform(0.0015, 0.004)
	hit := r.uniform(0.35, 1)
	p.impact = [3]float64{hit * r.uniform(0.5, 0.9), hit, hit * r.uniform(0.3, 0.7)}
	p.knocksPerSec = r.uniform(0, 0.6)
	return p
}

// rotating is a tone of a turning force: x and y a quarter turn apart, with
// the given part along the axis.
func rotating(r *rng, amp, axial float64) tone {
	at := r.uniform(0, 1)
	stiff := r.uniform(0.75, 1.25) // foundations are not equally stiff both ways
	var t tone
	t.set(0, amp*stiff, at)
	t.set(1, amp, at+0.25)
	t.set(2, amp*axial, at+r.uniform(0, 1))
	return t
}

// scattered is a tone whose axes have their own strength and phase.
func scattered(r *rng, amp float64, weight [3]float64) tone {
	var t tone
	for c, w := range weight {
		own := float64(amp*w) * r.uniform(0.8, 1.2)
		t.set(c, own, r.uniform(0, 1))
	}
	return t
}
