package scheduling

import (
	"fmt"
	"time"
)

// Delivery says what becomes of an occurrence whose run was cut off by the loss
// of its leader, when nobody knows how far it came.
type Delivery uint8

// Deliveries.
const (
	AtLeastOnce Delivery = iota // run it again, as the next attempt, a few times at most
	AtMostOnce                  // record it as lost, and never run it again
)

func (d Delivery) String() string {
	if d == AtMostOnce {
		return "at_most_once"
	}
	return "at_least_once"
}

// Overlap says what becomes of an occurrence that is due while the job's
// previous run has not ended.
type Overlap uint8

// Overlaps.
const (
	SkipNew  Overlap = iota // record the new one as skipped
	AllowAll                // run both
)

func (o Overlap) String() string {
	if o == AllowAll {
		return "allow_all"
	}
	return "skip_new"
}

// CatchUp says what becomes of occurrences that were due while nobody could run
// them. The zero value is LatestMissed(DefaultWindow).
type CatchUp struct {
	mode   catchUpMode
	window time.Duration
}

type catchUpMode uint8

const (
	latestMissed catchUpMode = iota
	allMissed
	skipMissed
)

// DefaultWindow bounds how old a missed occurrence may be and still be caught
// up, where nothing else is said.
const DefaultWindow = 24 * time.Hour

// MaxCatchUp bounds how many occurrences of a job are caught up at once; of more,
// the oldest are recorded as skipped.
const MaxCatchUp = 1000

// SkipMissed records all missed occurrences as skipped.
func SkipMissed() CatchUp { return CatchUp{mode: skipMissed} }

// LatestMissed runs the latest missed occurrence if it is not older than window,
// and records the others as skipped.
func LatestMissed(window time.Duration) CatchUp {
	return CatchUp{mode: latestMissed, window: window}
}

// AllMissed runs every missed occurrence that is not older than window, in
// order, one after the other. What comes due meanwhile joins the end.
func AllMissed(window time.Duration) CatchUp { return CatchUp{mode: allMissed, window: window} }

// Window is how old a missed occurrence may be and still be run; zero for
// SkipMissed.
func (c CatchUp) Window() time.Duration {
	if c.mode == skipMissed {
		return 0
	}
	if c.window == 0 {
		return DefaultWindow
	}
	return c.window
}

// KeepsAll reports whether the policy is AllMissed.
func (c CatchUp) KeepsAll() bool { return c.mode == allMissed }

func (c CatchUp) String() string {
	switch c.mode {
	case skipMissed:
		return "skip"
	case allMissed:
		return "all within " + shortDuration(c.Window())
	default:
		return "latest within " + shortDuration(c.Window())
	}
}

func (c CatchUp) validate() error {
	if c.Window() < 0 {
		return fmt.Errorf("catch-up window %s: must not be negative", c.window)
	}
	return nil
}
