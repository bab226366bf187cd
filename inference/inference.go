// Package inference loads quantized models and runs them with the same bytes
// on every CPU.
//
// Start with [Open], then [Model.NewSession] and [Session.Run]. A [Model] is
// immutable and may be shared; a [Session] owns its memory and serves one
// goroutine at a time.
package inference
