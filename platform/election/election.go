// Package election is the port through which a process learns that it leads a
// group, and for how long it may act on that.
//
// It is not a lock: a lock says who may enter, a term says until when, and with
// which fencing token, so that the things a leader writes to can refuse one that
// was paused, cut off or replaced. It knows no store; etcdelection and
// memelection are adapters, electiontest is the contract both pass.
//
// A process's view of one group:
//
//	            record gone, won
//	candidate ────────────────────▶ leading ──── proof expires ────▶ lost
//	    ▲                              │         (cause ErrLost)       │
//	    │                              │ ctx of Lead ends, or          │
//	    │                              │ the group is handed on        │
//	    │                              ▼                               │
//	    │                           resigning ── proof expires ──▶ lost│
//	    │                              │ (cause ErrResigned)           │
//	    │       lead has returned      │                               │
//	    └──────────────────────────────┴───────────────────────────────┘
//
// Invariant: for one group, the tenures of two terms never overlap, on any two
// processes, as long as the clocks of both run at nearly the same rate. What
// this cannot cover (a store's operator who deletes a record, a clock that runs
// more than the allowed drift too slowly) is covered by the token.
package election

import (
	"context"
	"errors"
)

// Causes with which a term's context ends.
var (
	// ErrLost says that leadership can no longer be proven. Stop at once; another
	// leader may already act.
	ErrLost = errors.New("election: leadership lost")
	// ErrResigned says that the term ends gracefully: shutdown, resignation, or a
	// move to another member. Leadership stays held until lead returns, so there
	// is time to drain; only then is the group handed on.
	ErrResigned = errors.New("election: leadership resigned")
)

// Errors of Lead.
var (
	// ErrClosed says that the elector was closed or its store is not coming back.
	ErrClosed = errors.New("election: elector closed")
	// ErrCampaigning says that this elector already campaigns for the group.
	ErrCampaigning = errors.New("election: already campaigning for this group")
)

// Term is one period of leadership of one group.
type Term struct {
	Group  string // what is led, e.g. "default"
	Leader string // id of the instance that leads
	Token  int64  // fencing token: larger than that of every earlier term of the group
}

// Elector campaigns for groups. Its methods are safe for concurrent use.
type Elector interface {
	// Lead campaigns for group until ctx ends and calls lead once per term, never
	// two at a time. The context given to lead ends with cause ErrLost or
	// ErrResigned, and the group is handed on or campaigned for again only after
	// lead has returned. A lead that returns while its context is alive gives the
	// term up.
	//
	// Lead returns nil once ctx has ended and lead has returned. Any other result
	// means that it cannot campaign: ErrCampaigning, ErrClosed, or an invalid
	// group name.
	Lead(ctx context.Context, group string, lead func(context.Context, Term)) error

	// Leader reports who leads group now, as the store knows it; ok is false when
	// nobody does. The answer may be old when it arrives: it is for people and
	// dashboards, never a permission to act.
	Leader(ctx context.Context, group string) (t Term, ok bool, err error)
}
