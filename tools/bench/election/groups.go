package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"example.com/baton/tools/chaos/lab"
	"example.com/baton/tools/internal/fleet"
)

// calm is how long no term may begin or end for a fleet to count as settled.
const calm = 2 * time.Second

// manyGroups measures how long it takes until all groups are led again, when the
// process that leads most of them ends gracefully.
func (b *bench) manyGroups(ctx context.Context, members int) error {
	l, err := b.start(ctx, members, baton, "-groups", strconv.Itoa(b.groups), "-settle", "-1s")
	if err != nil {
		return fmt.Errorf("many groups: %w", err)
	}
	defer l.Close()
	var times []time.Duration
	led := 0
	for range b.moves {
		owned, err := b.settled(ctx, l)
		if err != nil {
			return fmt.Errorf("many groups: %w", err)
		}
		var leader *lab.Replica
		for _, r := range l.Replicas {
			if leader == nil || len(owned[r.Source]) > len(owned[leader.Source]) {
				leader = r
			}
		}
		led = len(owned[leader.Source])
		took, err := move(ctx, l, leader, owned[leader.Source])
		if err != nil {
			return fmt.Errorf("many groups: %w", err)
		}
		times = append(times, took)
		if err := errors.Join(leader.Gone(ctx, 30*time.Second), leader.Start(ctx)); err != nil {
			return err
		}
		if err := l.Opened(ctx, leader); err != nil {
			return err
		}
	}
	b.add(fmt.Sprintf("3 processes × %d groups, the leader of %d ends: all led again", b.groups, led), members, times, "≤ 50 ms")
	return nil
}

// settled waits until every group is led and nothing moves, and returns who leads what.
func (b *bench) settled(ctx context.Context, l *lab.Lab) (map[string]map[string]bool, error) {
	limit := time.Now().Add(3 * time.Minute)
	for {
		seq := l.Journal.Next()
		if err := lab.Pause(ctx, calm); err != nil {
			return nil, err
		}
		moved := false
		for _, r := range l.Journal.Since(seq) {
			moved = moved || r.Msg == fleet.TermStarted || r.Msg == fleet.TermEnded
		}
		newest := map[string]fleet.Record{}
		for _, r := range l.Journal.Since(0) {
			if r.Msg == fleet.TermStarted && r.Time.After(newest[r.Get("group")].Time) {
				newest[r.Get("group")] = r
			}
		}
		if !moved && len(newest) == b.groups {
			owned := map[string]map[string]bool{}
			for group, r := range newest {
				if owned[r.Source] == nil {
					owned[r.Source] = map[string]bool{}
				}
				owned[r.Source][group] = true
			}
			return owned, nil
		}
		if time.Now().After(limit) {
			return nil, fmt.Errorf("the fleet does not settle: %d of %d groups led", len(newest), b.groups)
		}
	}
}

// move returns the time from the end of the leader's first term to the beginning
// of the last term that follows one of its terms.
func move(ctx context.Context, l *lab.Lab, leader *lab.Replica, groups map[string]bool) (time.Duration, error) {
	seq := l.Journal.Next()
	source := leader.Source
	leader.Terminate()
	var first, last time.Time
	led := map[string]bool{}
	_, err := l.Wait(ctx, seq, time.Minute, func(r fleet.Record) bool {
		switch {
		case r.Msg == fleet.TermEnded && r.Source == source && (first.IsZero() || r.Time.Before(first)):
			first = r.Time
		case r.Msg == fleet.TermStarted && r.Source != source && groups[r.Get("group")] && !led[r.Get("group")]:
			led[r.Get("group")] = true
			if r.Time.After(last) {
				last = r.Time
			}
		}
		return len(led) == len(groups) && !first.IsZero()
	})
	return last.Sub(first), err
}
