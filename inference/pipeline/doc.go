// Package pipeline runs a model on a stream: window, preprocess, model,
// postprocess, decide. It knows no sensors and takes no actions.
//
// Start with [ParseSpec] (or [Guess] for a bare model), then [New], and feed
// the [Pipeline]: Write and Next for samples, Image for pictures, Tensors for
// rows of numbers. A Pipeline belongs to one goroutine and allocates nothing
// once warm.
//
// # Spec
//
// A spec is strict JSON: source, window, preprocess, postprocess, labels,
// warmup_windows. source has kind (audio, vibration, samples, image, tensor),
// rate (Hz; for images and tensors optional, per second), channels, unit;
// window has length and hop in samples (hop absent: length).
//
// Stages of preprocess for audio, vibration and samples; absent parameters
// have the value in parentheses:
//
//	channel         index (0)                    keeps one channel
//	mono                                         averages the channels
//	scale           multiply (1), add (0)
//	divide_by_max                                by the window's largest value
//	micro_frontend  window_ms (30), step_ms (20), channels (40)
//	mfcc            MLPerf Tiny keyword spotting, from a clip divided by its max
//	lfbe            MLPerf Tiny streaming wake word
//	log_mel         MLPerf Tiny anomaly detection
//	                these three: frame, step, fft, bands, low_hz, high_hz,
//	                coefficients, offset (the preset's)
//	vibration       features, bands_hz, fft, log (see package signal)
//	normalize       mean (0), std (1): one, one per column or one per value
//
// Tensors take scale and normalize. Images, in this order, take signed (pixels
// are two's complement, as in tflite-micro's test pictures), crop (x, y, width,
// height, fraction), resize (method bilinear|nearest, centers
// half_pixel|legacy|align_corners, fit stretch|letterbox|crop, fill), color
// (to rgb|bgr|gray; the model's channels), normalize (mean, std).
//
// Quantizing follows from the model's input. The features of micro_frontend
// enter an int8 input of the published scale as tflite-micro makes them.
//
// Stages of postprocess, in this order: boxes (of a detector: kind
// yolov8|yolov5|detections, score (0.25), iou (0.45), max (100), size of the
// input where a YOLO gives pixels; a label's score is that of its best box),
// reconstruction_error (mean squared difference of input and output) or softmax, smooth (kind mean|ema|median,
// windows), top_k (k), decide (enter, leave (enter), k (1), n (k),
// refractory_ms, ignore).
//
// # Windows
//
// Front ends that work frame by frame (micro_frontend, mfcc, lfbe, log_mel)
// see every frame of the stream once and keep their state, if the hop is a
// multiple of their step and no divide_by_max comes before; then rows slide.
// Otherwise every window is computed anew, from a reset front end.
//
// decide enters a class when it is the top one with a score of enter or more
// in this window and in k of the last n, leaves it when its score is below
// leave, and after an enter waits refractory_ms of stream time for the next.
package pipeline
