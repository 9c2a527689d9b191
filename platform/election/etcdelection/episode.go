package etcdelection

import (
	"context"
	"log/slog"
	"time"
)

// episode logs a trouble when it begins, now and then while it lasts, and when
// it is over: an outage must not fill a disk, and must not be silent. It is not
// safe for concurrent use.
type episode struct {
	log    *slog.Logger
	what   string
	since  time.Time
	logged time.Time
	times  int
}

func newEpisode(log *slog.Logger, what string) *episode { return &episode{log: log, what: what} }

const episodeEvery = 10 * time.Second

func (e *episode) failed(ctx context.Context, err error) {
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

func (e *episode) recovered(ctx context.Context) {
	if e.times > 0 {
		e.log.InfoContext(ctx, e.what+" recovered", "times", e.times, "for", time.Since(e.since).Round(time.Millisecond))
	}
	e.times = 0
}
