package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"example.com/baton/tools/chaos/lab"
	"example.com/baton/tools/internal/fleet"
)

const (
	base  = "/baton/bench"
	group = "group-0"
)

// recipe is a way to elect.
type recipe struct {
	name       string
	args       []string
	noTakeover bool
}

var (
	baton     = recipe{name: "baton"}
	leaseOnly = recipe{name: "baton, lease only", noTakeover: true}
	pulsing   = recipe{name: "baton, pulse 100 ms / 500 ms", args: []string{"-pulse", "100ms", "-pulse-timeout", "500ms"}, noTakeover: true}
	plain     = recipe{name: "plain etcd recipe", args: []string{"-recipe", "plain"}, noTakeover: true}
)

// start runs three replicas without proxies in between.
func (b *bench) start(ctx context.Context, members int, r recipe, args ...string) (*lab.Lab, error) {
	args = append(append([]string{"-base", base, "-ttl", b.ttl.String()}, r.args...), args...)
	return lab.Start(ctx, b.group, b.binaries, b.dir, lab.Config{
		Members: members, Replicas: 3, Direct: true, NoTakeover: r.noTakeover, Args: args,
	})
}

func (b *bench) handOver(ctx context.Context, members int) error {
	target := map[int]string{1: "≤ 5 ms median", 3: "≤ 15 ms median"}[members]
	for _, r := range []recipe{baton, plain} {
		times, err := b.repeat(ctx, members, r, b.graceful, handOver)
		if err != nil {
			return fmt.Errorf("graceful, %s: %w", r.name, err)
		}
		b.add("graceful hand-over, "+r.name, members, times, target)
		target = "baseline"
	}
	return nil
}

func (b *bench) crash(ctx context.Context, members int) error {
	times, err := b.repeat(ctx, members, baton, b.kills, crash)
	if err != nil {
		return fmt.Errorf("kill -9: %w", err)
	}
	b.add("kill -9, baton, crash takeover", members, times, "≤ 20 ms median, ≤ 250 ms max")
	if members > 1 {
		return nil // a lease lasts as long on three members
	}
	for _, r := range []recipe{leaseOnly, pulsing, plain} {
		times, err := b.repeat(ctx, members, r, b.leaseKills, crash)
		if err != nil {
			return fmt.Errorf("kill -9, %s: %w", r.name, err)
		}
		b.add("kill -9, "+r.name, members, times, map[bool]string{true: "baseline"}[r.name == plain.name])
	}
	return nil
}

// repeat ends the leader n times, starting it again in between, and returns how
// long each change took.
func (b *bench) repeat(ctx context.Context, members int, r recipe, n int, end func(context.Context, *lab.Lab, *lab.Replica) (time.Duration, error)) ([]time.Duration, error) {
	b.sayf("%s, %d members of etcd: %d rounds", r.name, members, n)
	l, err := b.start(ctx, members, r)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	var times []time.Duration
	for range n {
		leader, err := b.leader(ctx, l)
		if err != nil {
			return nil, err
		}
		took, err := end(ctx, l, leader)
		if err != nil {
			return nil, err
		}
		times = append(times, took)
		if err := errors.Join(leader.Gone(ctx, 30*time.Second), leader.Start(ctx)); err != nil {
			return nil, err
		}
		if err := l.Opened(ctx, leader); err != nil {
			return nil, err
		}
		// What follows an opened session, such as the first look at the records.
		if err := lab.Pause(ctx, 300*time.Millisecond); err != nil {
			return nil, err
		}
	}
	return times, nil
}

func (b *bench) leader(ctx context.Context, l *lab.Lab) (*lab.Replica, error) {
	if _, err := l.Wait(ctx, 0, b.ttl+30*time.Second, fleet.Msg(fleet.TermStarted)); err != nil {
		return nil, err
	}
	leader, _, ok := l.Leader(group)
	if !ok {
		return nil, errors.New("nobody leads")
	}
	return leader, nil
}

// handOver returns the time from the end of a term to the beginning of the next.
func handOver(ctx context.Context, l *lab.Lab, leader *lab.Replica) (time.Duration, error) {
	seq := l.Journal.Next()
	leader.Terminate()
	ended, err := l.Wait(ctx, seq, 30*time.Second, fleet.Msg(fleet.TermEnded, "group", group))
	if err != nil {
		return 0, err
	}
	began, err := l.Wait(ctx, seq, time.Minute, fleet.Msg(fleet.TermStarted, "group", group))
	return began.Time.Sub(ended.Time), err
}

// crash returns the time from the kill to the beginning of the next term.
func crash(ctx context.Context, l *lab.Lab, leader *lab.Replica) (time.Duration, error) {
	seq := l.Journal.Next()
	at := leader.Kill()
	began, err := l.Wait(ctx, seq, time.Minute, fleet.Msg(fleet.TermStarted, "group", group))
	return began.Time.Sub(at), err
}
