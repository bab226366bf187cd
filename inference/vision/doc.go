// Package vision turns pictures into model inputs and outputs into boxes.
//
// Start with [Decode] (PNG, JPEG, BMP, GIF) or [FromImage], and a [Scaler],
// which crops, resizes as TensorFlow defines it, converts the colour and
// normalizes in one pass.
//
// On the other side [YOLO] and [SSD] turn model outputs into a [Box] an object,
// and [Draw] frames them in the picture.
//
// A Scaler allocates only when the size of the source changes, and belongs to
// one goroutine. Decoded JPEG pixels may differ between Go versions: compare
// tensors, not files.
package vision
