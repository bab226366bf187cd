// Package vision turns pictures into model inputs.
//
// Start with [Decode] (PNG, JPEG, BMP, GIF) or [FromImage], and a [Scaler],
// which crops, resizes as TensorFlow defines it, converts the colour and
// normalizes in one pass.
//
// A Scaler allocates only when the size of the source changes, and belongs to
// one goroutine. Decoded JPEG pixels may differ between Go versions: compare
// tensors, not files.
package vision
