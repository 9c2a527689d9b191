package up

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"example.com/baton/tools/internal/console"
	"example.com/baton/tools/internal/fleet"
)

// takeoverWithin bounds the wait for a successor; far more than any lease.
const takeoverWithin = time.Minute

// takeover is a Takeover event for scripts.
type takeover struct {
	Killed string        `json:"killed"`
	Owners []fleet.Owner `json:"owners"`
	Took   time.Duration `json:"took_ns"`
}

// killLeaders kills a leader with SIGKILL again and again and shows how long its successor takes.
func (s *session) killLeaders(ctx context.Context) {
	if s.cfg.KillLeaderEvery == 0 {
		return
	}
	tick := time.NewTicker(s.cfg.KillLeaderEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.killLeader(ctx)
		case <-ctx.Done():
			return
		}
	}
}

func (s *session) killLeader(ctx context.Context) {
	var victim *fleet.Replica
	owners := s.owners.All()
	rand.Shuffle(len(owners), func(i, k int) { owners[i], owners[k] = owners[k], owners[i] })
	for _, o := range owners {
		if victim = s.fleet.Replica(o.Instance); victim != nil {
			break
		}
	}
	if victim == nil {
		s.warn("", "nobody leads: there is no leader to kill")
		return
	}
	before := held(owners, victim.Instance)
	began := time.Now()
	victim.Kill()
	s.warn(victim.Instance, fmt.Sprintf("killed with SIGKILL while it led %s", strings.Join(groups(before), ", ")))

	wait, cancel := context.WithTimeout(ctx, takeoverWithin)
	defer cancel()
	var after []fleet.Owner
	err := s.owners.Wait(wait, func(now []fleet.Owner) bool {
		after = successors(before, now)
		return len(after) == len(before)
	})
	switch {
	case ctx.Err() != nil:
	case err != nil:
		s.warn("", fmt.Sprintf("no successor of %s after %s", victim.Instance, takeoverWithin))
	default:
		took := time.Since(began)
		var parts []string
		for _, o := range after {
			parts = append(parts, fmt.Sprintf("%s leads %s (token %d)", o.Instance, o.Group, o.Token))
		}
		s.cfg.Report(console.Event{
			Kind: console.Takeover, Source: after[0].Instance,
			Text: fmt.Sprintf("took over from %s after %s: %s", victim.Instance, took.Round(time.Millisecond), strings.Join(parts, ", ")),
			Data: takeover{Killed: victim.Instance, Owners: after, Took: took},
		})
	}
}

func held(owners []fleet.Owner, instance string) []fleet.Owner {
	var out []fleet.Owner
	for _, o := range owners {
		if o.Instance == instance {
			out = append(out, o)
		}
	}
	return out
}

// successors returns the newer terms of the groups in before.
func successors(before, now []fleet.Owner) []fleet.Owner {
	var out []fleet.Owner
	for _, b := range before {
		for _, n := range now {
			if n.Service == b.Service && n.Group == b.Group && n.Token > b.Token {
				out = append(out, n)
			}
		}
	}
	return out
}

func groups(owners []fleet.Owner) []string {
	out := make([]string, len(owners))
	for i, o := range owners {
		out[i] = o.Group
	}
	return out
}
