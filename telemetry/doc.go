// Package telemetry keeps what a device decided until the controller has it:
// typed records, sealed into columnar chunks that check themselves.
//
// Start with [Decode] for a chunk and with the record types [Result],
// [Health], [Event] and [Capture].
//
// Chunks are lossy where a field's comment says so: times to 1 ms, scores to
// 1e-4, latencies to 10 µs. A chunk is at most 16 KiB and has exactly one
// encoding.
package telemetry
