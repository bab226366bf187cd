// Package sim makes up a rotating machine as a 3-axis accelerometer on its
// bearing housing sees it. Start with [NewMachine]; faults and the sensor's
// gain can be switched while it runs.
//
// Nothing here is measured: it is a signal model, built from the textbook
// signs of each fault (ISO 13373-1 annexes; R. B. Randall, Vibration-based
// Condition Monitoring, 2011), and every stream says Simulated. Channels:
//
//   - x radial, horizontal; y radial, vertical, with gravity; z axial. In g.
//   - always: residual imbalance and misalignment, a gear mesh with sidebands,
//     twice the mains frequency, broadband noise, a knock from outside now and
//     then, a shaft whose speed and load wander.
//   - imbalance: a force turning with the shaft, 1x in x and y a quarter turn
//     apart, growing with the square of speed.
//   - misalignment: 1x, 2x and 3x, strongest along the axis.
//   - bearing: an outer-race defect. Impacts at BPFO, jittered by slip, each
//     ringing a structural resonance around 1 kHz.
//   - sensor: ADXL345 in full resolution at 16 g, 13 bits of 1/256 g
//     (3.9 mg/LSB, data sheet rev. E table 1), clipped at both ends.
//
// The seed chooses the machine: speed, geometry, amplitudes, phases, mounting.
// Same configuration, same samples, on every CPU: products that feed sums are
// rounded explicitly, sine and noise are our own.
package sim
