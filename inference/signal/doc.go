// Package signal turns windows of samples into the feature rows that small
// models were trained on.
//
// Start with [NewMicroFrontend] (micro_speech) and [NewMelFrames] with one of
// its presets (MLPerf Tiny) for audio, and [NewVibration] for accelerometers.
//
// Every number is the same on every CPU: the integer front end is exact, the
// float ones use only additions, products rounded on their own (Go would
// otherwise fuse x*y+z on some CPUs), square roots and this package's own
// sine, exponential and logarithm. Nothing allocates after construction. No
// type here is safe for concurrent use, and none checks for NaN: the pipeline
// refuses such samples by channel and index before they arrive.
package signal
