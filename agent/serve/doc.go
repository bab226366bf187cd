// Package serve lets programs on the device run its models: it keeps sessions
// of every model in use, gives them to one request after another, and says no
// early where there are too many.
//
// Start with [New] and [Server.Use]; a [Catalog] says which models there are.
// Package rest speaks HTTP in front of it.
//
// Requests never touch a pipeline: they have sessions of their own, at most
// [Config].Workers run at a time, and a bounded number waits. A model may be
// swapped at any moment: requests that have begun end on the version they began
// with, which they name, later ones get the new one. Everything here may be
// called concurrently.
package serve
