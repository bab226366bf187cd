// Package tflite decodes TensorFlow Lite flatbuffers without trusting them.
//
// [Decode] is the one entry: it checks every offset, length and index it
// follows and never panics, whatever the bytes. The returned [Model] aliases
// the input for constant data; nothing else of the file is kept.
//
// Field numbers follow tflite/converter/schema/schema.fbs, version 3.
package tflite
