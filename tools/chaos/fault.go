package chaos

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"example.com/baton/tools/chaos/lab"
	"example.com/baton/tools/chaos/tcpfault"
	"example.com/baton/tools/internal/fleet"
)

// Fault is something that is done to a fleet with a leader.
type Fault struct {
	Name string
	Does string
	// Members is how many members of etcd it needs; 0: any number.
	Members int
	// ByHand says that the fault breaks the records themselves. Two terms may then
	// overlap until the watch tells the first leader; tokens still exclude it.
	ByHand bool

	// inject returns when the fault is over and everything that it ended was
	// started again.
	inject func(context.Context, *round) error
}

// round is one fault in the making.
type round struct {
	lab    *lab.Lab
	ttl    time.Duration
	leader *lab.Replica
	term   fleet.Record // with which the leader began
	seq    int          // of the journal, when the round began
}

// Faults is the matrix.
var Faults = []Fault{
	{Name: "kill", Does: "SIGKILL the leader, start it again after its successor began", inject: kill},
	{Name: "terminate", Does: "SIGTERM the leader, start it again", inject: terminate},
	{Name: "freeze", Does: "SIGSTOP the leader for two TTLs, then SIGCONT", inject: freeze},
	{Name: "refused", Does: "etcd refuses and resets the leader's connections for two TTLs", inject: cut(tcpfault.Refuse)},
	{Name: "black-hole", Does: "nothing passes between the leader and etcd for two TTLs, then all of it late", inject: cut(tcpfault.BlackHole)},
	{Name: "no-answers", Does: "the leader's requests reach etcd, the answers come two TTLs late", inject: cut(tcpfault.HoldAnswers)},
	{Name: "no-requests", Does: "the leader hears etcd, its requests arrive two TTLs late", inject: cut(tcpfault.HoldRequests)},
	{Name: "twins", Does: "a second process with the leader's instance id; then SIGKILL the first", inject: twins},
	{Name: "etcd-stop", Does: "one member of etcd ends gracefully for half a TTL", inject: etcdStop},
	{Name: "etcd-leader", Does: "SIGKILL etcd's leader, start it again after a TTL", Members: 3, inject: etcdLeader},
	{Name: "etcd-crash", Does: "SIGKILL all members of etcd, start them again at once", inject: etcdCrash},
	{Name: "etcd-outage", Does: "all members of etcd are down for one and a half TTLs", inject: etcdOutage},
	{Name: "both-crash", Does: "SIGKILL all members of etcd and the leader; etcd comes back and restores the leases", inject: bothCrash},
	{Name: "compaction", Does: "nobody reaches etcd for a moment, in which all that was not seen is compacted; then SIGTERM the leader", inject: compaction},
	{Name: "lease-revoked", Does: "revoke the leader's lease by hand", ByHand: true, inject: revokeLease},
	{Name: "owner-deleted", Does: "delete the owner record by hand", ByHand: true, inject: deleteOwner},
}

// Short is the selection that is quick enough for every change.
var Short = []string{"kill", "terminate", "freeze", "black-hole"}

// Select returns the named faults, or all of them for "all".
func Select(names ...string) ([]Fault, error) {
	if slices.Contains(names, "all") {
		return Faults, nil
	}
	var selected []Fault
	for _, name := range names {
		i := slices.IndexFunc(Faults, func(f Fault) bool { return f.Name == name })
		if i < 0 {
			var known []string
			for _, f := range Faults {
				known = append(known, f.Name)
			}
			return nil, fmt.Errorf("no fault %q; there is: all, %s", name, strings.Join(known, ", "))
		}
		selected = append(selected, Faults[i])
	}
	return selected, nil
}

// successor waits until another process leads.
func (r *round) successor(ctx context.Context) error {
	source := r.term.Source
	_, err := r.lab.Wait(ctx, r.seq, 3*r.ttl+20*time.Second, func(rec fleet.Record) bool {
		return rec.Msg == fleet.TermStarted && rec.Get("group") == group && rec.Source != source
	})
	if err != nil {
		return fmt.Errorf("no successor: %w", err)
	}
	return nil
}

func (r *round) restart(ctx context.Context) error {
	if err := r.leader.Gone(ctx, 30*time.Second); err != nil {
		return err
	}
	if err := r.leader.Start(ctx); err != nil {
		return err
	}
	return r.lab.Opened(ctx, r.leader)
}

func kill(ctx context.Context, r *round) error {
	r.leader.Kill()
	if err := r.successor(ctx); err != nil {
		return err
	}
	return r.restart(ctx)
}

func terminate(ctx context.Context, r *round) error {
	r.leader.Terminate()
	if err := r.leader.Gone(ctx, 30*time.Second); err != nil {
		return err
	}
	if !r.leader.ExitedCleanly() {
		return fmt.Errorf("%s did not exit cleanly", r.leader.Source)
	}
	if err := r.successor(ctx); err != nil {
		return err
	}
	return r.restart(ctx)
}

func freeze(ctx context.Context, r *round) error {
	return r.leader.Freeze(ctx, 2*r.ttl)
}

func cut(mode tcpfault.Mode) func(context.Context, *round) error {
	return func(ctx context.Context, r *round) error {
		if err := r.leader.Cut(mode); err != nil {
			return err
		}
		if err := lab.Pause(ctx, 2*r.ttl); err != nil {
			return err
		}
		return r.leader.Cut(tcpfault.Forward)
	}
}

func twins(ctx context.Context, r *round) error {
	twin, err := r.lab.Add(ctx, r.leader.Instance)
	if err != nil {
		return err
	}
	_, err = r.lab.Wait(ctx, r.seq, 30*time.Second, func(rec fleet.Record) bool {
		return rec.Source == twin.Source && rec.Msg == lab.NameTaken
	})
	if err != nil {
		return fmt.Errorf("the twin did not notice: %w", err)
	}
	if err := lab.Pause(ctx, r.ttl); err != nil {
		return err
	}
	r.lab.Remove(r.leader)
	if err := r.successor(ctx); err != nil {
		return err
	}
	return r.lab.Opened(ctx, twin)
}

func etcdStop(ctx context.Context, r *round) error {
	m := r.lab.Etcd.Members[0]
	m.Stop(ctx)
	if err := lab.Pause(ctx, r.ttl/2); err != nil {
		return err
	}
	return startEtcd(ctx, r, m)
}

func etcdLeader(ctx context.Context, r *round) error {
	m, err := r.lab.Etcd.Leader(ctx)
	if err != nil {
		return err
	}
	m.Kill()
	if err := lab.Pause(ctx, r.ttl); err != nil {
		return err
	}
	return startEtcd(ctx, r, m)
}

func etcdCrash(ctx context.Context, r *round) error {
	for _, m := range r.lab.Etcd.Members {
		m.Kill()
	}
	return startEtcd(ctx, r, r.lab.Etcd.Members...)
}

func etcdOutage(ctx context.Context, r *round) error {
	for _, m := range r.lab.Etcd.Members {
		m.Kill()
	}
	if err := lab.Pause(ctx, r.ttl*3/2); err != nil {
		return err
	}
	return startEtcd(ctx, r, r.lab.Etcd.Members...)
}

func bothCrash(ctx context.Context, r *round) error {
	for _, m := range r.lab.Etcd.Members {
		m.Kill()
	}
	r.leader.Kill()
	if err := startEtcd(ctx, r, r.lab.Etcd.Members...); err != nil {
		return err
	}
	if err := r.successor(ctx); err != nil {
		return err
	}
	return r.restart(ctx)
}

func startEtcd(ctx context.Context, r *round, members ...*lab.Member) error {
	for _, m := range members {
		if err := m.Start(); err != nil {
			return err
		}
	}
	return r.lab.Etcd.Ready(ctx)
}

func compaction(ctx context.Context, r *round) error {
	for _, replica := range r.lab.Replicas {
		if err := replica.Cut(tcpfault.Refuse); err != nil {
			return err
		}
	}
	client := r.lab.Etcd.Client
	for range 10 {
		resp, err := client.Put(ctx, base+"/members-elsewhere", "x")
		if err != nil {
			return err
		}
		if _, err := client.Compact(ctx, resp.Header.Revision, clientv3.WithCompactPhysical()); err != nil {
			return err
		}
	}
	for _, replica := range r.lab.Replicas {
		if err := replica.Cut(tcpfault.Forward); err != nil {
			return err
		}
	}
	if err := lab.Pause(ctx, r.ttl); err != nil {
		return err
	}
	leader, term, ok := r.lab.Leader(group)
	if !ok {
		return fmt.Errorf("nobody leads a TTL after the compaction")
	}
	r.leader, r.term, r.seq = leader, term, r.lab.Journal.Next()
	return terminate(ctx, r)
}

func revokeLease(ctx context.Context, r *round) error {
	resp, err := r.lab.Etcd.Client.Get(ctx, ownerKey)
	if err != nil {
		return err
	}
	if len(resp.Kvs) == 0 {
		return fmt.Errorf("%s: no owner record", ownerKey)
	}
	_, err = r.lab.Etcd.Client.Revoke(ctx, clientv3.LeaseID(resp.Kvs[0].Lease))
	return err
}

func deleteOwner(ctx context.Context, r *round) error {
	_, err := r.lab.Etcd.Client.Delete(ctx, ownerKey)
	return err
}
