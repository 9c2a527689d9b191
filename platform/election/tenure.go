package election

import "context"

type tenureKey struct{}

// Tenure returns the context that bounds the work of a term. It ends with cause
// ErrLost when leadership can no longer be proven and when lead has returned,
// but, unlike the context given to lead, not on a graceful end: work that was
// admitted before may finish under it while no new work is admitted.
//
// Its Err method reads the clocks. It reports the loss of a lease even when the
// process has just been resumed from a pause and no timer had a chance to fire,
// so call it right before acting. It costs tens of nanoseconds and never blocks.
//
// For a context that comes from no elector, Tenure returns ctx itself.
func Tenure(ctx context.Context) context.Context {
	if t, ok := ctx.Value(tenureKey{}).(context.Context); ok {
		return t
	}
	return ctx
}

// WithTenure returns a copy of ctx from which Tenure returns tenure. It is for
// adapters.
func WithTenure(ctx, tenure context.Context) context.Context {
	return context.WithValue(ctx, tenureKey{}, tenure)
}
