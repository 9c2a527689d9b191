// Package tracepage serves the traces of runs as plain web pages, for a Jaeger without its UI.
//
// It is a viewer on loopback for one person, not a replacement of the UI: no search, no history
// beyond what Jaeger returns. Invariant: a page contains no script and loads nothing from elsewhere.
package tracepage
