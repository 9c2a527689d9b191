package election

import (
	"context"
	"errors"
	"log/slog"
	"sync"
)

// Observer is told about the terms of this process. Its methods must not block:
// TermEnded of a resignation is called before the group is handed on, so that an
// observer's notes never show two leaders where there was one.
type Observer interface {
	TermStarted(ctx context.Context, t Term)
	// TermEnded is called once, when the tenure ends: at the very loss of
	// leadership, even if lead has not returned yet, or after lead has returned.
	TermEnded(ctx context.Context, t Term, cause error)
}

// Observe returns an elector that tells observers about the terms of e.
func Observe(e Elector, observers ...Observer) Elector {
	return observed{Elector: e, observers: observers}
}

type observed struct {
	Elector
	observers []Observer
}

func (o observed) Lead(ctx context.Context, group string, lead func(context.Context, Term)) error {
	return o.Elector.Lead(ctx, group, func(ctx context.Context, t Term) { //nolint:wrapcheck // a decorator
		for _, observer := range o.observers {
			observer.TermStarted(ctx, t)
		}
		tenure := Tenure(ctx)
		var once sync.Once
		ended := func() {
			once.Do(func() {
				cause := ErrResigned
				if tenure.Err() != nil {
					cause = context.Cause(tenure)
				}
				for _, observer := range o.observers {
					observer.TermEnded(context.WithoutCancel(ctx), t, cause)
				}
			})
		}
		stop := context.AfterFunc(tenure, ended)
		defer ended() // waits for a call that AfterFunc has begun
		defer stop()
		lead(ctx, t)
	})
}

// LogTerms returns an observer that writes a record when a term starts and when
// it ends. Their messages and keys are a contract: tools read them.
func LogTerms(log *slog.Logger) Observer { return logTerms{log} }

type logTerms struct{ log *slog.Logger }

func (l logTerms) TermStarted(ctx context.Context, t Term) {
	l.log.InfoContext(ctx, "term started", "instance", t.Leader, "group", t.Group, "token", t.Token)
}

func (l logTerms) TermEnded(ctx context.Context, t Term, cause error) {
	l.log.InfoContext(ctx, "term ended", "instance", t.Leader, "group", t.Group, "token", t.Token, "reason", reason(cause))
}

// reason is the short form of a cause: it is a value that tools compare.
func reason(cause error) string {
	if errors.Is(cause, ErrResigned) {
		return "resigned"
	}
	return "lost"
}
