// Package console prints what a fleet does: as coloured, prefixed lines for people or as one JSON
// object per line for scripts.
//
// It decides how things look, never what happens. Invariant: text from another process cannot
// steer the terminal, and nothing but text reaches an output that is not one.
package console

import "time"

// Kind of an event; part of the JSON output.
type Kind string

// The kinds of events.
const (
	Log      Kind = "log"      // a line a replica wrote
	Note     Kind = "note"     // something worth a line
	Warning  Kind = "warning"  // something worth attention
	Progress Kind = "progress" // a step of something long; Text is empty when it is over
	Ready    Kind = "ready"    // the start screen
	Leader   Kind = "leader"   // a group has a new leader
	Takeover Kind = "takeover" // a killed leader has been replaced
	Trace    Kind = "trace"    // the trace of a run can be looked at
)

// Event is one thing to print.
type Event struct {
	Time   time.Time `json:"time"`
	Kind   Kind      `json:"event"`
	Source string    `json:"source,omitempty"` // who it is about: a replica, "etcd", "jaeger"; empty: baton
	Text   string    `json:"text,omitempty"`
	// Data carries the same as Text for scripts; a fleet.Record for Log.
	Data any `json:"data,omitempty"`
}
