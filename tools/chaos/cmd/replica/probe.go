package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"example.com/baton/platform/election"
	"example.com/baton/tools/chaos/check"
)

// probeEvery is how often the proof of a term is looked at.
const probeEvery = time.Millisecond

// probed logs for each term the last moment at which it could be proven, and the
// first at which it could not. The record of a term's end alone says too much: a
// process that was frozen writes it when it wakes up, long after the end.
type probed struct {
	election.Elector

	log    *slog.Logger
	probes *sync.WaitGroup
}

func (p probed) Lead(ctx context.Context, group string, lead func(context.Context, election.Term)) error {
	return p.Elector.Lead(ctx, group, func(ctx context.Context, t election.Term) {
		p.probes.Go(func() { p.probe(election.Tenure(ctx), t) })
		lead(ctx, t)
	})
}

// probe returns when the tenure has ended, which the elector sees to.
func (p probed) probe(tenure context.Context, t election.Term) {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	last := time.Now()
	for {
		now := time.Now() // before the question, so that a pause in between counts as a pause
		if tenure.Err() != nil {
			p.log.Info(check.ProofEnded, "instance", t.Leader, "group", t.Group, "token", t.Token,
				"last", last.UTC().Format(time.RFC3339Nano), "until", now.UTC().Format(time.RFC3339Nano))
			return
		}
		last = now
		<-tick.C
	}
}
