// Package tensorflow runs SavedModels with libtensorflow, where that is there: in
// builds with the tag tensorflow and cgo. Other builds link nothing of it, and
// say so.
//
// Start with [Open]. A signature's tensors become a model's inputs and outputs,
// in the order of their names; a first dimension of any size becomes 1. Numbers
// are taken, strings are refused. Where libtensorflow has a GPU it is used, and
// takes memory as it needs it.
//
// The bytes are TensorFlow's: they are not promised to agree between machines.
// `make test-tensorflow` shows how libtensorflow is found.
package tensorflow

// ServingDefault is the signature that Keras exports.
const ServingDefault = "serving_default"
