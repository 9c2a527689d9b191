package etcdledger

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"example.com/baton/platform/election"
	"example.com/baton/platform/scheduling"
)

const (
	page     = 1000 // records per read
	maxWrite = 100  // puts per transaction; etcd allows 128 operations by default
)

// Open implements scheduling.Ledger. It reads the state of all jobs page by page,
// so that its cost is that of the bytes, not of a round trip for each job.
func (l *Ledger) Open(ctx context.Context, term election.Term, jobs []scheduling.JobState, now time.Time) (map[string]scheduling.Opened, error) {
	known, err := l.states(ctx)
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	out := make(map[string]scheduling.Opened, len(jobs))
	var writes []clientv3.Op
	for _, declared := range jobs {
		state, ok := known[declared.Job]
		declared.Watermark, declared.LastSuccess, declared.Running = state.Watermark, state.LastSuccess, state.Running
		if !ok {
			declared.Watermark = now
		}
		if !reflect.DeepEqual(declared, state) {
			value, err := json.Marshal(declared)
			if err != nil {
				return nil, fmt.Errorf("open ledger: job %q: %w", declared.Job, err)
			}
			writes = append(writes, clientv3.OpPut(l.jobKey(declared.Job), string(value)))
		}
		unfinished, err := l.unfinished(ctx, declared)
		if err != nil {
			return nil, fmt.Errorf("open ledger: job %q: %w", declared.Job, err)
		}
		out[declared.Job] = scheduling.Opened{State: declared, Unfinished: unfinished}
	}
	for len(writes) > 0 {
		n := min(len(writes), maxWrite)
		if _, err := l.fenced(ctx, term, writes[:n]...); err != nil {
			return nil, fmt.Errorf("open ledger: %w", err)
		}
		writes = writes[n:]
	}
	return out, nil
}

func (l *Ledger) states(ctx context.Context) (map[string]scheduling.JobState, error) {
	known := map[string]scheduling.JobState{}
	from, end := l.jobKey(""), clientv3.GetPrefixRangeEnd(l.jobKey(""))
	for {
		pageCtx, cancel := context.WithTimeout(ctx, l.cfg.Timeout)
		resp, err := l.client.Get(pageCtx, from, clientv3.WithRange(end), clientv3.WithLimit(page))
		cancel()
		if err != nil {
			return nil, err
		}
		for _, kv := range resp.Kvs {
			var state scheduling.JobState
			if err := json.Unmarshal(kv.Value, &state); err != nil {
				return nil, fmt.Errorf("record %s: %w", kv.Key, err)
			}
			known[state.Job] = state
			from = string(kv.Key) + "\x00"
		}
		if !resp.More {
			return known, nil
		}
	}
}

// unfinished reads the records that the job's state names as running. One that
// has been finished or pruned since is left out.
func (l *Ledger) unfinished(ctx context.Context, state scheduling.JobState) ([]scheduling.Record, error) {
	var records []scheduling.Record
	for _, due := range state.Running {
		getCtx, cancel := context.WithTimeout(ctx, l.cfg.Timeout)
		resp, err := l.client.Get(getCtx, l.runKey(state.Job, due))
		cancel()
		if err != nil {
			return nil, err
		}
		if len(resp.Kvs) == 0 {
			continue
		}
		var rec scheduling.Record
		if err := json.Unmarshal(resp.Kvs[0].Value, &rec); err != nil {
			return nil, fmt.Errorf("record %s: %w", resp.Kvs[0].Key, err)
		}
		if rec.State == scheduling.StateRunning {
			records = append(records, rec)
		}
	}
	return records, nil
}
