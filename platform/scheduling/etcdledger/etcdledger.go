// Package etcdledger is the ledger in etcd.
//
//	<base>/jobs/<job>         state of the job                JSON
//	<base>/runs/<job>/<due>   record of one occurrence        JSON
//
// Every write is a transaction that compares the revision of the group's owner
// record, or whatever else Config.Fence says, with the token of the term (the claim that Jepsen's analysis of etcd's
// locks asks for: a lock alone excludes nobody, the lock's revision inside the
// guarded transaction does). So a leader that was paused, cut off or replaced
// changes nothing, whatever it still believes.
//
// Not promised: history for ever. The leader prunes.
package etcdledger

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"example.com/baton/platform/election"
	"example.com/baton/platform/scheduling"
)

// Config says where the ledger lives.
type Config struct {
	// Base is the path under which jobs/ and runs/ live, "/baton/billing".
	Base string
	// Timeout bounds one request. Zero: 2s.
	Timeout time.Duration
	// Fence returns what must hold for a term to be current; the elector that
	// gives out the terms knows. Nil: the record <base>/owners/<group> was last
	// written at the revision that is the token.
	Fence func(election.Term) clientv3.Cmp
}

// Ledger reads and writes etcd. Its methods are safe for concurrent use.
type Ledger struct {
	client *clientv3.Client
	cfg    Config
}

// New returns a ledger that uses client, which stays the caller's.
func New(client *clientv3.Client, cfg Config) *Ledger {
	if cfg.Timeout == 0 {
		cfg.Timeout = 2 * time.Second
	}
	if cfg.Fence == nil {
		cfg.Fence = func(term election.Term) clientv3.Cmp {
			return clientv3.Compare(clientv3.ModRevision(cfg.Base+"/owners/"+term.Group), "=", term.Token)
		}
	}
	return &Ledger{client: client, cfg: cfg}
}

func (l *Ledger) jobKey(job string) string { return l.cfg.Base + "/jobs/" + job }

func (l *Ledger) runsPrefix(job string) string { return l.cfg.Base + "/runs/" + job + "/" }

func (l *Ledger) runKey(job string, due time.Time) string {
	return l.runsPrefix(job) + due.UTC().Format(scheduling.DueLayout)
}

// fenced runs ops if term is still current, and returns their responses.
func (l *Ledger) fenced(ctx context.Context, term election.Term, ops ...clientv3.Op) (*clientv3.TxnResponse, error) {
	if term.Token <= 0 {
		// Revision 0 is that of a record that is not there.
		return nil, fmt.Errorf("token %d of group %q: %w", term.Token, term.Group, election.ErrLost)
	}
	ctx, cancel := context.WithTimeout(ctx, l.cfg.Timeout)
	defer cancel()
	resp, err := l.client.Txn(ctx).
		If(l.cfg.Fence(term)).
		Then(ops...).
		Commit()
	if err != nil {
		return nil, err
	}
	if !resp.Succeeded {
		return nil, fmt.Errorf("token %d of group %q: %w", term.Token, term.Group, election.ErrLost)
	}
	return resp, nil
}

// Claim implements scheduling.Ledger.
func (l *Ledger) Claim(ctx context.Context, term election.Term, job scheduling.JobState, rec scheduling.Record) (scheduling.Record, error) {
	key := l.runKey(rec.Job, rec.Due)
	run, state, err := encode(rec, job)
	if err != nil {
		return scheduling.Record{}, fmt.Errorf("claim %s: %w", rec.RunID(), err)
	}
	resp, err := l.fenced(ctx, term, clientv3.OpTxn(
		[]clientv3.Cmp{clientv3.Compare(clientv3.CreateRevision(key), "=", 0)},
		[]clientv3.Op{clientv3.OpPut(key, run), clientv3.OpPut(l.jobKey(rec.Job), state)},
		[]clientv3.Op{clientv3.OpGet(key)}))
	if err != nil {
		return scheduling.Record{}, fmt.Errorf("claim %s: %w", rec.RunID(), err)
	}
	inner := resp.Responses[0].GetResponseTxn()
	if inner.Succeeded {
		return rec, nil
	}
	// Our own earlier write, if its answer got lost on the way back: nobody else
	// writes under this token.
	var old scheduling.Record
	if kvs := inner.Responses[0].GetResponseRange().Kvs; len(kvs) == 1 {
		if err := json.Unmarshal(kvs[0].Value, &old); err == nil && old.Token == term.Token && old.Attempt == rec.Attempt {
			return old, nil
		}
	}
	return scheduling.Record{}, fmt.Errorf("claim %s: %w", rec.RunID(), scheduling.ErrClaimed)
}

// Retake implements scheduling.Ledger.
func (l *Ledger) Retake(ctx context.Context, term election.Term, _, next scheduling.Record) (scheduling.Record, error) {
	value, err := json.Marshal(next)
	if err != nil {
		return scheduling.Record{}, fmt.Errorf("retake %s: %w", next.RunID(), err)
	}
	if _, err := l.fenced(ctx, term, clientv3.OpPut(l.runKey(next.Job, next.Due), string(value))); err != nil {
		return scheduling.Record{}, fmt.Errorf("retake %s: %w", next.RunID(), err)
	}
	return next, nil
}

// Finish implements scheduling.Ledger.
func (l *Ledger) Finish(ctx context.Context, term election.Term, job scheduling.JobState, rec scheduling.Record) error {
	run, state, err := encode(rec, job)
	if err == nil {
		_, err = l.fenced(ctx, term,
			clientv3.OpPut(l.runKey(rec.Job, rec.Due), run), clientv3.OpPut(l.jobKey(rec.Job), state))
	}
	if err != nil {
		return fmt.Errorf("finish %s: %w", rec.RunID(), err)
	}
	return nil
}

// Prune implements scheduling.Ledger. It stops before the first record that is
// still running.
func (l *Ledger) Prune(ctx context.Context, term election.Term, job string, keep int) error {
	prefix := l.runsPrefix(job)
	readCtx, cancel := context.WithTimeout(ctx, l.cfg.Timeout)
	defer cancel()
	count, err := l.client.Get(readCtx, prefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		return fmt.Errorf("prune %q: %w", job, err)
	}
	excess := count.Count - int64(keep)
	if excess <= 0 {
		return nil
	}
	oldest, err := l.client.Get(readCtx, prefix, clientv3.WithPrefix(), clientv3.WithLimit(excess))
	if err != nil {
		return fmt.Errorf("prune %q: %w", job, err)
	}
	end := ""
	for _, kv := range oldest.Kvs {
		var rec scheduling.Record
		if json.Unmarshal(kv.Value, &rec) == nil && rec.State == scheduling.StateRunning {
			break
		}
		end = string(kv.Key) + "\x00"
	}
	if end == "" {
		return nil
	}
	if _, err := l.fenced(ctx, term, clientv3.OpDelete(prefix, clientv3.WithRange(end))); err != nil {
		return fmt.Errorf("prune %q: %w", job, err)
	}
	return nil
}

// History implements scheduling.Ledger.
func (l *Ledger) History(ctx context.Context, job string, limit int) ([]scheduling.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.Timeout)
	defer cancel()
	resp, err := l.client.Get(ctx, l.runsPrefix(job), clientv3.WithPrefix(),
		clientv3.WithSort(clientv3.SortByKey, clientv3.SortDescend), clientv3.WithLimit(int64(limit)))
	if err != nil {
		return nil, fmt.Errorf("history of %q: %w", job, err)
	}
	records := make([]scheduling.Record, len(resp.Kvs))
	for i, kv := range resp.Kvs {
		if err := json.Unmarshal(kv.Value, &records[i]); err != nil {
			return nil, fmt.Errorf("history of %q: record %s: %w", job, kv.Key, err)
		}
	}
	return records, nil
}

func encode(rec scheduling.Record, job scheduling.JobState) (run, state string, err error) {
	r, err := json.Marshal(rec)
	if err != nil {
		return "", "", err
	}
	s, err := json.Marshal(job)
	if err != nil {
		return "", "", err
	}
	return string(r), string(s), nil
}

var _ scheduling.Ledger = (*Ledger)(nil)
