// Package fleet is the contract between a device and its controller: topics,
// documents, signatures, and the device's MQTT session.
//
// Start with [Topics] and the documents, [Hello] to [Result]; [Sign] and
// [Verify] put what goes down into an envelope; [NewSession] is the device's
// end of the wire. The controller is in fleet/controller.
//
// What goes down is signed by the director key and strict: a document has one
// form, and any other is refused. What goes up is bounded and checked, but keys
// that this version does not know are left alone, so that a device may be newer
// than its controller. No document means anything because of how the broker
// treated it: retained, repeated, reordered and lost messages are all expected.
package fleet
