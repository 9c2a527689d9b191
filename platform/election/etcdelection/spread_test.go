package etcdelection_test

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/baton/platform/election"
	"example.com/baton/platform/election/etcdelection"
	"example.com/baton/platform/etcdtest"
)

// leadAll campaigns for groups as a well-behaved leader does: it returns when it
// is asked to, and when its context ends.
func leadAll(t *testing.T, e election.Elector, groups []string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	for _, group := range groups {
		wg.Go(func() {
			err := e.Lead(ctx, group, func(ctx context.Context, _ election.Term) {
				select {
				case <-ctx.Done():
				case <-election.Wanted(ctx):
				}
			})
			if err != nil {
				t.Errorf("lead: %v", err)
			}
		})
	}
	stop = func() { cancel(); wg.Wait() }
	t.Cleanup(stop)
	return stop
}

// shares returns how many groups each member leads.
func shares(t *testing.T, e *etcdelection.Elector) map[string]int {
	t.Helper()
	members, err := e.Members(t.Context())
	require.NoError(t, err)
	byInstance := map[string]int{}
	for _, m := range members {
		byInstance[m.Instance] = len(m.Leads)
	}
	return byInstance
}

func TestGroupsSpreadOverTheMembers(t *testing.T) {
	t.Parallel()
	const groups = 120
	var names []string
	for i := range groups {
		names = append(names, fmt.Sprintf("group-%d", i))
	}
	server := etcdtest.Start(t)
	stops := map[string]func(){}
	var first *etcdelection.Elector
	for _, instance := range []string{"a", "b", "c"} {
		e, stopMember := member(t, server.Client(t), etcdelection.Config{
			Instance: instance, Settle: 100 * time.Millisecond, Listen: "127.0.0.1:0",
		})
		ready(t, e)
		stopLeads := leadAll(t, e, names)
		stops[instance] = func() { stopLeads(); stopMember() }
		if first == nil {
			first = e
			require.Eventually(t, func() bool { return shares(t, e)["a"] == groups }, patience, 5*time.Millisecond)
		}
	}
	fair := func(instances ...string) map[string]int {
		by := map[string]int{}
		for _, name := range names {
			by[etcdelection.First(name, instances...)]++
		}
		return by
	}
	three := fair("a", "b", "c")
	for _, instance := range []string{"a", "b", "c"} {
		require.Greater(t, three[instance], groups/5)
	}
	require.Eventually(t, func() bool { return maps.Equal(shares(t, first), three) }, patience, 20*time.Millisecond)

	stops["b"]()
	two := fair("a", "c")
	require.Eventually(t, func() bool { return maps.Equal(shares(t, first), two) }, patience, 5*time.Millisecond)
}

func TestALeadThatIsWantedElsewhereMayStay(t *testing.T) {
	t.Parallel()
	const groups = 20
	server := etcdtest.Start(t)
	a, _ := member(t, server.Client(t), etcdelection.Config{Instance: "a", Settle: time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan context.Context, groups)
	var names []string
	var wg sync.WaitGroup
	for i := range groups {
		name := fmt.Sprintf("group-%d", i)
		names = append(names, name)
		wg.Go(func() {
			_ = a.Lead(ctx, name, func(ctx context.Context, _ election.Term) {
				select {
				case <-election.Wanted(ctx):
					asked <- ctx
				case <-ctx.Done():
				}
				<-ctx.Done()
			})
		})
	}
	require.Eventually(t, func() bool { return shares(t, a)["a"] == groups }, patience, 5*time.Millisecond)
	b, _ := member(t, server.Client(t), etcdelection.Config{Instance: "b", Settle: time.Millisecond})
	leadAll(t, b, names)

	one := receive(t, asked, "a term that is wanted elsewhere")
	require.Never(t, func() bool { return one.Err() != nil }, 300*time.Millisecond, 20*time.Millisecond, "asked, not told")
	require.Equal(t, groups, shares(t, a)["a"])
	cancel()
	wg.Wait()
}
