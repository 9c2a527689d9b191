// Package lab runs an etcd and replicas as real processes, each replica behind
// proxies of its own, so that every one of them can be killed, frozen and cut off.
//
// It does not judge what the replicas did; package check does. It is not for
// production use: no TLS, loopback only. Invariant: what it starts belongs to a
// [proc.Group], so nothing survives its owner.
package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/baton/tools/chaos/check"
	"example.com/baton/tools/chaos/tcpfault"
	"example.com/baton/tools/internal/fleet"
	"example.com/baton/tools/internal/proc"
)

// Messages of the elector that a lab waits for.
const (
	SessionOpened = "election session opened"
	NameTaken     = "election session failing"
)

// Config says what to run.
type Config struct {
	Members    int      // of etcd
	Replicas   int      // 0: none
	Direct     bool     // no proxies between the replicas and etcd
	Args       []string // flags of the replicas, besides instance, endpoints and listen
	NoTakeover bool     // the death of a replica is learnt from its lease
}

// Lab is a running etcd with replicas. Its methods are for one goroutine.
type Lab struct {
	Etcd     *Etcd
	Journal  *fleet.Journal
	Replicas []*Replica

	cfg      Config
	binaries Binaries
	group    *proc.Group

	mu struct {
		sync.Mutex
		killed map[string]time.Time
		frozen []check.Frozen
	}
}

// Start runs everything and returns when every replica has a session with etcd.
func Start(ctx context.Context, g *proc.Group, b Binaries, dir string, cfg Config) (*Lab, error) {
	l := &Lab{cfg: cfg, binaries: b, group: g, Journal: fleet.NewJournal(nil)}
	l.mu.killed = map[string]time.Time{}
	dir, err := os.MkdirTemp(dir, "etcd-")
	if err != nil {
		return nil, err
	}
	if l.Etcd, err = StartEtcd(ctx, g, b.Etcd, filepath.Join(dir, "data"), max(cfg.Members, 1)); err != nil {
		return nil, err
	}
	for i := range cfg.Replicas {
		if _, err := l.Add(ctx, fmt.Sprintf("r%d", i+1)); err != nil {
			l.Close()
			return nil, err
		}
	}
	for _, r := range l.Replicas {
		if err := l.Opened(ctx, r); err != nil {
			l.Close()
			return nil, err
		}
	}
	return l, nil
}

// Add starts one more replica under the given instance id, which may be in use.
func (l *Lab) Add(ctx context.Context, instance string) (*Replica, error) {
	r := &Replica{Instance: instance, lab: l, number: len(l.Replicas) + 1}
	for _, endpoint := range l.Etcd.Endpoints() {
		if l.cfg.Direct {
			r.endpoints = append(r.endpoints, endpoint)
			continue
		}
		p, err := tcpfault.Listen(endpoint)
		if err != nil {
			return nil, err
		}
		r.proxies = append(r.proxies, p)
		r.endpoints = append(r.endpoints, p.Address())
	}
	if err := r.Start(ctx); err != nil {
		return nil, err
	}
	l.Replicas = append(l.Replicas, r)
	return r, nil
}

// Remove kills a replica and forgets it.
func (l *Lab) Remove(r *Replica) {
	r.Kill()
	r.close()
	l.Replicas = slices.DeleteFunc(l.Replicas, func(o *Replica) bool { return o == r })
}

// Opened waits until the present process of r has a session with etcd.
func (l *Lab) Opened(ctx context.Context, r *Replica) error {
	_, err := l.Wait(ctx, 0, time.Minute, func(rec fleet.Record) bool { return rec.Source == r.Source && rec.Msg == SessionOpened })
	if err != nil {
		return fmt.Errorf("%s has no session: %w\n%s", r.Source, err, strings.Join(l.Journal.Tail(r.Source, 20), "\n"))
	}
	return nil
}

// Wait returns the first record from seq on that matches, within limit.
func (l *Lab) Wait(ctx context.Context, seq int, limit time.Duration, match func(fleet.Record) bool) (fleet.Record, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not seen within %s", limit))
	defer cancel()
	return l.Journal.Wait(ctx, seq, match)
}

// Leader returns the replica that began the newest term of a group, as far as the
// logs say, with the record that says so.
func (l *Lab) Leader(group string) (*Replica, fleet.Record, bool) {
	records := l.Journal.Since(0)
	for _, rec := range slices.Backward(records) {
		if rec.Msg != fleet.TermStarted || rec.Get("group") != group {
			continue
		}
		for _, r := range l.Replicas {
			if r.Source == rec.Source && !r.process.Ended() {
				return r, rec, true
			}
		}
		return nil, rec, false
	}
	return nil, fleet.Record{}, false
}

// History returns what happened so far, for the checker.
func (l *Lab) History() check.History {
	l.mu.Lock()
	defer l.mu.Unlock()
	killed := make(map[string]time.Time, len(l.mu.killed))
	for source, at := range l.mu.killed {
		killed[source] = at
	}
	return check.History{Records: l.Journal.Since(0), Killed: killed, Frozen: slices.Clone(l.mu.frozen)}
}

// Close kills everything.
func (l *Lab) Close() {
	for _, r := range l.Replicas {
		r.Kill()
		r.close()
	}
	l.Etcd.Close()
}
