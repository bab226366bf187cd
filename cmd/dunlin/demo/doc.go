// Package demo holds the demo's configuration, bundles and scans, and tests
// that they work together: only data, no code.
package demo
