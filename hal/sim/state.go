package sim

import (
	"math"

	"github.com/dunlin-edge/dunlin/hal/internal/exact"
)

// state is what moves: the machine at one instant.
type state struct {
	*plant
	rng      rng
	dt       float64 // seconds per frame
	turns    float64 // shaft angle, in [0, 1)
	gear     float64
	mains    float64
	speed    float64 // relative to shaftHz, wanders around 1
	load     float64 // wanders around 1
	untilHit float64 // turns to the next bearing impact

	speedWander, loadWander wander

	ring  [3]resonator
	knock resonator
	level [faultCount]float64 // severity in force, follows the target
}

// newState starts the machine in the middle of a turn.
func newState(p *plant, r rng, rateHz float64) *state {
	s := &state{plant: p, rng: r, dt: 1 / rateHz, speed: 1, load: 1}
	s.turns, s.gear, s.mains = s.rng.uniform(0, 1), s.rng.uniform(0, 1), s.rng.uniform(0, 1)
	s.speedWander, s.loadWander = newWander(0.008, 2, s.dt), newWander(0.12, 3, s.dt)
	s.load = s.rng.uniform(0.75, 1.25)
	s.speed = s.rng.uniform(0.97, 1.03)
	s.untilHit = s.rng.uniform(0, 1/p.bpfoOrder)
	for c := range s.ring {
		s.ring[c] = newResonator(p.resonanceHz, p.decaySeconds, rateHz)
	}
	s.knock = newResonator(float64(p.resonanceHz*0.4), 0.01, rateHz)
	return s
}

// faultRamp is the time constant, in seconds, with which a fault grows in.
const faultRamp = 0.1

// step returns the acceleration (g) of the next frame; target is the severity
// asked for, by fault.
func (s *state) step(target *[faultCount]float64) [3]float64 {
	for f := range s.level {
		s.level[f] += float64((target[f] - s.level[f]) * (s.dt / faultRamp))
	}
	turned := s.advance()
	out := s.gravity
	shaft := angleOf(s.turns)
	s.addShaft(&out, shaft)
	depth := 1 + float64(s.sideband*shaft.sin)
	s.plant.gear.addTo(&out, angleOf(s.gear), float64(depth*s.load))
	s.plant.mains.addTo(&out, angleOf(s.mains), 1)
	s.addImpacts(&out, turned)
	for c := range out {
		out[c] += float64(s.noise[c] * s.rng.noise())
	}
	return out
}

// advance turns the shaft by one frame and returns the angle in turns.
func (s *state) advance() float64 {
	s.speed = s.speedWander.step(s.speed, &s.rng)
	s.load = s.loadWander.step(s.load, &s.rng)
	turned := float64(s.shaftHz*s.speed) * s.dt
	s.turns = wrap(s.turns + turned)
	s.gear = wrap(s.gear + float64(turned*s.gearTeeth))
	s.mains = wrap(s.mains + float64(100*s.dt))
	return turned
}

// wrap brings x >= 0 into [0, 1).
func wrap(x float64) float64 { return x - float64(int64(x)) }

func (s *state) addShaft(out *[3]float64, shaft angle) {
	a := shaft
	for h := range s.residual {
		s.residual[h].addTo(out, a, s.load)
		s.misalignment[h].addTo(out, a, float64(s.level[misalignment]*s.load))
		a = a.plus(shaft)
	}
	s.imbalance.addTo(out, shaft, float64(s.level[imbalance]*float64(s.speed*s.speed)))
}

// addImpacts lets bearing hits and knocks from outside ring.
func (s *state) addImpacts(out *[3]float64, turned float64) {
	hit := 0.0
	if s.untilHit -= turned; s.untilHit <= 0 {
		s.untilHit += float64((1 + float64(s.slip*s.rng.noise())) / s.bpfoOrder)
		// The defect passes below the load once per impact; load and lubrication vary.
		hit = float64(s.level[bearing]*s.load) * s.rng.uniform(0.6, 1.2)
	}
	bang := 0.0
	if s.rng.uniform(0, 1) < float64(s.knocksPerSec*s.dt) {
		bang = s.rng.uniform(0.2, 0.8)
	}
	k := s.knock.step(bang)
	for c := range out {
		out[c] += s.ring[c].step(float64(hit*s.impact[c])) + k
	}
}

// resonator is a two-pole filter: a damped oscillation per unit pulse.
type resonator struct{ a1, a2, y1, y2 float64 }

// newResonator's pulse response starts at one and has the decay time given.
func newResonator(hz, decay, rateHz float64) resonator {
	hz = min(hz, float64(0.45*rateHz))
	r := 1 - min(0.9, 1/float64(decay*rateHz)) // close to exp(-1/(decay*rate))
	return resonator{a1: float64(2*r) * exact.Cos(hz/rateHz), a2: -float64(r * r)}
}

func (f *resonator) step(x float64) float64 {
	y := float64(f.a1*f.y1) + float64(f.a2*f.y2) + x
	f.y1, f.y2 = y, f.y1
	return y
}

// wander is a random walk pulled back to one (Ornstein-Uhlenbeck).
type wander struct{ pull, kick float64 }

// newWander has the stationary deviation and the memory in seconds given.
func newWander(deviation, seconds, dt float64) wander {
	return wander{pull: dt / seconds, kick: float64(deviation * math.Sqrt(2*dt/seconds))}
}

func (w wander) step(x float64, r *rng) float64 {
	return x + float64((1-x)*w.pull) + float64(w.kick*r.noise())
}
