package proof_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/baton/platform/election"
	"example.com/baton/platform/election/internal/proof"
)

type clocks struct{ mono, wall atomic.Int64 }

func newClocks() *clocks {
	c := &clocks{}
	c.advance(time.Hour)
	return c
}

func (c *clocks) read() proof.Reading {
	return proof.Reading{Mono: c.mono.Load(), Wall: c.wall.Load()}
}

func (c *clocks) advance(d time.Duration) {
	c.mono.Add(int64(d))
	c.wall.Add(int64(d))
}

func TestDeadlineEndsByEitherClock(t *testing.T) {
	t.Parallel()
	for name, move := range map[string]func(*clocks){
		"time passes":                        func(c *clocks) { c.advance(5 * time.Second) },
		"suspended: only the wall clock ran": func(c *clocks) { c.wall.Add(int64(time.Minute)) },
		"wall clock set forwards":            func(c *clocks) { c.wall.Add(int64(24 * time.Hour)) },
		"wall clock set backwards, time passes": func(c *clocks) {
			c.wall.Add(-int64(24 * time.Hour))
			c.advance(5 * time.Second)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClocks()
			d := proof.NewDeadline(c.read, c.read(), 5*time.Second)
			c.advance(time.Second)
			require.True(t, d.Valid())
			require.Equal(t, 4*time.Second, d.Left())
			move(c)
			require.False(t, d.Valid())
			require.LessOrEqual(t, d.Left(), time.Duration(0))
		})
	}
}

func TestWallClockSetBackwardsDoesNotProlong(t *testing.T) {
	t.Parallel()
	c := newClocks()
	d := proof.NewDeadline(c.read, c.read(), 5*time.Second)
	c.wall.Add(-int64(time.Hour))
	c.advance(4999 * time.Millisecond)
	require.True(t, d.Valid())
	c.advance(time.Millisecond)
	require.False(t, d.Valid())
}

func TestExtendCountsFromTheTimeOfSending(t *testing.T) {
	t.Parallel()
	c := newClocks()
	d := proof.NewDeadline(c.read, c.read(), 5*time.Second)
	c.advance(3 * time.Second)
	sent := c.read()
	c.advance(1500 * time.Millisecond) // a slow answer
	require.True(t, d.Extend(sent, 5*time.Second))
	require.Equal(t, 3500*time.Millisecond, d.Left())
}

func TestAnAnswerAfterTheDeadlineEndsIt(t *testing.T) {
	t.Parallel()
	c := newClocks()
	d := proof.NewDeadline(c.read, c.read(), 5*time.Second)
	c.advance(4 * time.Second)
	sent := c.read()
	c.advance(2 * time.Second) // paused between sending and reading
	require.False(t, d.Extend(sent, 5*time.Second))
	require.False(t, d.Valid())
	require.False(t, d.Extend(c.read(), 5*time.Second), "an ended deadline stays ended")
	require.Zero(t, d.Left())
}

func TestContextEndsAtTheFirstLookAfterAPause(t *testing.T) {
	t.Parallel()
	c := newClocks()
	d := proof.NewDeadline(c.read, c.read(), 5*time.Second)
	type key struct{}
	parent, stop := context.WithCancel(context.WithValue(t.Context(), key{}, "v"))
	tenure := proof.NewContext(parent, d.Valid)
	child, cancel := context.WithCancel(tenure)
	defer cancel()

	stop()
	require.NoError(t, tenure.Err(), "a tenure outlives its parent")
	require.Equal(t, "v", tenure.Value(key{}))

	c.advance(time.Minute)
	require.Error(t, tenure.Err())
	<-child.Done()
	require.ErrorIs(t, context.Cause(tenure), election.ErrLost)
	require.ErrorIs(t, context.Cause(child), election.ErrLost)
	tenure.End(election.ErrResigned)
	require.ErrorIs(t, context.Cause(tenure), election.ErrLost, "the first cause stays")
}

func BenchmarkTenureErr(b *testing.B) {
	d := proof.NewDeadline(proof.SystemClock, proof.SystemClock(), time.Hour)
	tenure := proof.NewContext(b.Context(), d.Valid)
	b.ReportAllocs()
	for b.Loop() {
		if tenure.Err() != nil {
			b.Fatal("ended")
		}
	}
}

func BenchmarkTermErr(b *testing.B) {
	d := proof.NewDeadline(proof.SystemClock, proof.SystemClock(), time.Hour)
	ctx, cancel := context.WithCancelCause(proof.NewContext(b.Context(), d.Valid))
	defer cancel(nil)
	b.ReportAllocs()
	for b.Loop() {
		if ctx.Err() != nil {
			b.Fatal("ended")
		}
	}
}
