package election

import "context"

type wantedKey struct{}

// Wanted returns a channel that is closed when another member ranks before this
// one for the term's group, as after a new replica has joined. Lead may return
// then, whenever it suits its work; the group goes to that member. Nothing
// happens if it does not: spreading the groups is never worth a run that is cut
// short.
//
// The channel is nil, and never ready, where the elector moves no groups.
func Wanted(ctx context.Context) <-chan struct{} {
	c, _ := ctx.Value(wantedKey{}).(<-chan struct{})
	return c
}

// WithWanted returns a copy of ctx from which Wanted returns c. It is for
// adapters.
func WithWanted(ctx context.Context, c <-chan struct{}) context.Context {
	return context.WithValue(ctx, wantedKey{}, c)
}
