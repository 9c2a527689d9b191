package proof

import (
	"context"

	"example.com/baton/platform/election"
)

// Context is a term's tenure (see election.Tenure): a context whose Err reads
// the clocks, so that it tells the truth in the first instruction after a pause,
// when the goroutine that should have cancelled it has not run yet.
type Context struct {
	context.Context
	cancel context.CancelCauseFunc
	valid  func() bool
}

// NewContext returns a tenure with the values, but not the end, of parent. It is
// valid for as long as valid says so.
func NewContext(parent context.Context, valid func() bool) *Context {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(parent))
	return &Context{Context: ctx, cancel: cancel, valid: valid}
}

// Err reports the end of the tenure, and brings it about when the proof has run
// out.
func (c *Context) Err() error {
	if err := c.Context.Err(); err != nil {
		return err
	}
	if !c.valid() {
		c.cancel(election.ErrLost)
	}
	return c.Context.Err()
}

// End ends the tenure with the given cause. Only the first call has an effect.
func (c *Context) End(cause error) { c.cancel(cause) }
