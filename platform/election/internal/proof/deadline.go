// Package proof holds what a process may believe about its own leadership
// without asking anybody: a deadline that every confirmed renewal moves, checked
// on two clocks, and the context that ends with it.
//
// It does no I/O and starts no goroutine. Invariant: once a deadline was seen to
// have passed, or was ended, it never becomes valid again.
package proof

import (
	"sync/atomic"
	"time"
)

// Reading is one look at both clocks, in nanoseconds.
type Reading struct {
	Mono int64 // monotonic, from an arbitrary start; stands still while a VM is suspended
	Wall int64 // since 1970; jumps when somebody sets it
}

// Clock reads both clocks. It must be safe for concurrent use.
type Clock func() Reading

var start = time.Now()

// SystemClock reads the clocks of the machine.
func SystemClock() Reading {
	now := time.Now()
	return Reading{Mono: int64(now.Sub(start)), Wall: now.UnixNano()}
}

// Deadline is the instant up to which a lease is proven to be held. Its methods
// are safe for concurrent use, but only one goroutine may extend it.
type Deadline struct {
	clock Clock
	mono  atomic.Int64 // 0: ended
	wall  atomic.Int64
}

// NewDeadline returns a deadline that lies trust after sent. Sent must have been
// read before the request that proved the lease left this process: the store
// counts from a later moment, so the local end always comes first. A deadline
// taken from the time of the answer would not have that property, because an
// answer can wait in a socket while the process is paused.
func NewDeadline(clock Clock, sent Reading, trust time.Duration) *Deadline {
	d := &Deadline{clock: clock}
	d.wall.Store(sent.Wall + int64(trust))
	d.mono.Store(sent.Mono + int64(trust))
	return d
}

// Valid reports whether the deadline still lies ahead, on both clocks: the
// monotonic one stops while a virtual machine is suspended, the wall clock does
// not, and a jump of the wall clock can only end the belief early, never prolong
// it.
func (d *Deadline) Valid() bool {
	mono := d.mono.Load()
	if mono == 0 {
		return false
	}
	now := d.clock()
	return now.Mono < mono && now.Wall < d.wall.Load()
}

// Extend moves the deadline to trust after sent. It reports false, and ends the
// deadline for good, when the answer came after the old deadline had passed: in
// between somebody else may have begun to act, and the caller's work must have
// been stopped by then.
func (d *Deadline) Extend(sent Reading, trust time.Duration) bool {
	old := d.mono.Load()
	if !d.Valid() {
		d.End()
		return false
	}
	// The wall clock first: a reader between the two writes sees the old
	// monotonic deadline, which is the earlier one. The swap fails when End came
	// in between, and an ended deadline stays ended.
	d.wall.Store(sent.Wall + int64(trust))
	return d.mono.CompareAndSwap(old, sent.Mono+int64(trust))
}

// End makes the deadline invalid for good.
func (d *Deadline) End() { d.mono.Store(0) }

// Left returns how long the deadline is still valid by the clock that is nearer
// to it, zero or less when it has passed.
func (d *Deadline) Left() time.Duration {
	mono := d.mono.Load()
	if mono == 0 {
		return 0
	}
	now := d.clock()
	return time.Duration(min(mono-now.Mono, d.wall.Load()-now.Wall))
}
