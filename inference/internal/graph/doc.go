// Package graph turns a decoded model into a [Plan]: [New] checks shapes, types
// and data flow, lowers every node to a bound step and places every tensor in
// one arena.
//
// An operator is one file op_*.go with a lower function, listed in lower.go;
// the arithmetic itself is in package kernel.
package graph
