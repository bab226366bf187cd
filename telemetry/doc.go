// Package telemetry keeps what a device decided until the controller has it,
// through weeks offline and power cuts, and accounts for every sealed record:
// produced = delivered + waiting + dropped, the last declared with a reason.
//
// Start with [New] and [Log.Result]; run [Log.Run] beside. A shipper sends
// what [Log.Pending] returns and passes signed acks to [Log.Ack]; the
// controller reads chunks with [Decode].
//
// Caveats:
//   - A power cut loses the records of the open chunks, at most MaxAge of
//     them (60 s). The next start declares a gap of unknown size.
//   - Chunks are lossy where a field's comment says so: times to 1 ms, scores
//     to 1e-4, latencies to 10 µs. A chunk has exactly one encoding.
//   - At the cap the oldest of the lowest priority goes first: captures,
//     health, results, events.
//   - A damaged or foreign file is renamed to .damaged or .foreign beside the
//     new one, over an earlier one.
//   - A copied file continues in a new epoch. A restored image of the whole
//     disk looks like the original; only the controller can tell.
package telemetry
