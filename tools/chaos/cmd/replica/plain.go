package main

import (
	"context"
	"log/slog"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"example.com/baton/platform/election"
)

// runPlain leads one group with etcd's own recipe, as its documentation shows it:
// the baseline of the benchmarks.
func runPlain(ctx context.Context, client *clientv3.Client, o options, log *slog.Logger) error {
	terms := election.LogTerms(log)
	group := groups(o)[0]
	for ctx.Err() == nil {
		session, err := concurrency.NewSession(client, concurrency.WithTTL(int(o.ttl/time.Second)))
		if err != nil {
			return err
		}
		log.InfoContext(ctx, "election session opened", "instance", o.instance, "ttl", o.ttl)
		e := concurrency.NewElection(session, o.base+"/owners/"+group)
		if err := e.Campaign(ctx, o.instance); err == nil {
			term := election.Term{Group: group, Leader: o.instance, Token: e.Rev()}
			terms.TermStarted(ctx, term)
			select {
			case <-ctx.Done():
				terms.TermEnded(ctx, term, election.ErrResigned)
				_ = e.Resign(context.WithoutCancel(ctx))
			case <-session.Done():
				terms.TermEnded(ctx, term, election.ErrLost)
			}
		}
		_ = session.Close()
	}
	return nil
}
