// Package ship brings sealed telemetry to the controller over any transport,
// however badly it behaves, and within a budget of bytes.
//
// Start with [New] and [Shipper.Run]. Whoever holds the connection calls
// [Shipper.Hello] whenever it has a new one and passes verified acks to
// [Shipper.Ack]. A [Meter] keeps the budget.
//
// Caveats: a chunk leaves the device's store only by an ack. Publish may lose,
// repeat or reorder what it was given, so a chunk can arrive more than once;
// its numbers tell. A budget is counted in payload and topic bytes plus 64 a
// message for MQTT, TLS and TCP, an estimate.
package ship
