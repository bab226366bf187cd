// Package graph turns a decoded model into a plan: a checked, ordered list of
// operators over typed tensors, each with its place in one arena.
package graph
