package up

import (
	"context"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"

	"example.com/baton/tools/internal/console"
	"example.com/baton/tools/internal/fleet"
	"example.com/baton/tools/internal/waterfall"
)

// arriveWithin is how long a trace may take from the end of the run until Jaeger returns it.
const arriveWithin = 30 * time.Second

// link is a Trace event for scripts.
type link struct {
	RunID   string `json:"run_id"`
	TraceID string `json:"trace_id"`
	Attempt string `json:"attempt"`
	URL     string `json:"url"`
}

// traceLinks prints where to look at the first run, and at every run that needed more than one attempt.
func (s *session) traceLinks(ctx context.Context) {
	if s.jaeger.ready == nil {
		return
	}
	select {
	case <-s.jaeger.ready:
	case <-ctx.Done():
		return
	}
	first := true
	for {
		select {
		case r := <-s.finished:
			attempt := r.Get("attempt")
			if !first && (attempt == "1" || attempt == "") {
				continue
			}
			if t, ok := s.awaitTrace(ctx, r); ok {
				text := "the first run can be looked at:"
				if !first {
					text = fmt.Sprintf("a run that needed %s attempts:", attempt)
				}
				url := s.jaeger.links + t.ID
				s.cfg.Report(console.Event{
					Kind: console.Trace, Text: fmt.Sprintf("%s %s → %s", text, r.Get("run_id"), url),
					Data: link{RunID: r.Get("run_id"), TraceID: t.ID, Attempt: attempt, URL: url},
				})
				first = false
			}
		case <-ctx.Done():
			return
		}
	}
}

// awaitTrace asks Jaeger until it has the finished run.
func (s *session) awaitTrace(ctx context.Context, r fleet.Record) (waterfall.Trace, bool) {
	ctx, cancel := context.WithTimeout(ctx, arriveWithin)
	defer cancel()
	t, err := backoff.Retry(ctx, func() (waterfall.Trace, error) {
		t, err := s.fetch(ctx, r)
		if err == nil && t.Attr("job.run.result") == "" {
			err = waterfall.ErrNotFound // the beginning of the trace has arrived, the run has not
		}
		return t, err
	}, backoff.WithBackOff(backoff.NewConstantBackOff(250*time.Millisecond)), backoff.WithMaxElapsedTime(0))
	return t, err == nil
}

func (s *session) fetch(ctx context.Context, r fleet.Record) (waterfall.Trace, error) {
	if id := r.Get("trace_id"); waterfall.IsTraceID(id) {
		return s.jaeger.client.Trace(ctx, id)
	}
	return s.jaeger.client.Run(ctx, r.Get("run_id"))
}
