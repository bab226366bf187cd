// Package rest serves models over HTTP, in the words that clients already
// speak: the Open Inference Protocol with Triton's binary tensors and model
// repository, TensorFlow Serving, TorchServe, SageMaker, Vertex AI, Azure ML, and
// plain files sent to a pipeline.
//
// Start with [New] and [Server.Run]. openapi.json beside this file, served as
// /openapi.json, describes every route; / shows one command line for each.
//
// All dialects are thin: each turns its request into one call of package serve.
// What comes in is bounded before it is read: connections, headers, time, body,
// the bodies of all clients together, requests a second of each client.
package rest

import "time"

// Limits of connections and what comes over them.
const (
	maxConnections = 128
	maxStreams     = 16
	maxHeader      = 16 << 10
	maxAllBodies   = 64 << 20 // of all clients at a time, as far as they have come
	headerTimeout  = 5 * time.Second
	readTimeout    = 30 * time.Second
	writeTimeout   = 30 * time.Second
	idleTimeout    = 2 * time.Minute
	streamTimeout  = 10 * time.Second // for a client to take one event
)
