// Package kernel holds the arithmetic of the operators on plain slices.
//
// Portable Go is the specification: whatever a faster tier computes equals it
// bit for bit. The rules and their sources are listed in
// inference/NUMERICS.md; "XNNPACK" and "TFLite" below name whose rule a
// function follows. Sums wrap around in int32 on every path, so the order of
// summation never matters.
package kernel
