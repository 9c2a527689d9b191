// Package waterfall fetches a trace from Jaeger's query API and draws it: as indented text for a
// terminal, or as a standalone SVG for a page or a document.
//
// It draws what is there. A trace may be cut off, hold a span twice, point at spans that do not
// exist, form a loop, or come from machines whose clocks disagree; none of this stops it, and what
// can be seen of it is said in the drawing. It corrects no clocks.
//
// Invariant: every distinct span of the trace is in the tree exactly once.
package waterfall
