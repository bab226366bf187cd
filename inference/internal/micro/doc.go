// Package micro computes the fixed-point audio steps of tflite-micro's signal
// library: [FFT], [Sqrt], [PCAN] and [Log].
package micro
