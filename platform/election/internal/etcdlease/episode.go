package etcdlease

import (
	"context"
	"log/slog"
	"time"
)

// Episode logs a trouble when it begins, now and then while it lasts, and when
// it is over: an outage must not fill a disk, and must not be silent. It is not
// safe for concurrent use.
type Episode struct {
	log    *slog.Logger
	what   string
	since  time.Time
	logged time.Time
	times  int
}

// NewEpisode returns the episode of what, which has not begun.
func NewEpisode(log *slog.Logger, what string) *Episode { return &Episode{log: log, what: what} }

const episodeEvery = 10 * time.Second

// Failed notes a failure.
func (e *Episode) Failed(ctx context.Context, err error) {
	now := time.Now()
	if e.times == 0 {
		e.since = now
	}
	e.times++
	if e.times == 1 || now.Sub(e.logged) >= episodeEvery {
		e.logged = now
		e.log.WarnContext(ctx, e.what+" failing", "error", err, "times", e.times, "for", now.Sub(e.since).Round(time.Millisecond))
	}
}

// Recovered ends the trouble, if there was one.
func (e *Episode) Recovered(ctx context.Context) {
	if e.times > 0 {
		e.log.InfoContext(ctx, e.what+" recovered", "times", e.times, "for", time.Since(e.since).Round(time.Millisecond))
	}
	e.times = 0
}
