// Package schedulingtest is the contract of scheduling.Ledger as a test suite,
// and a checker that holds a ledger against the schedule it should have followed.
package schedulingtest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/baton/platform/election"
	"example.com/baton/platform/scheduling"
)

// Ledger is an adapter under test. Terms begun by Begin make all earlier terms
// of the group stale.
type Ledger struct {
	Ledger scheduling.Ledger
	Begin  func(t *testing.T, group, instance string) election.Term
}

var (
	day   = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	hours = func(n int) time.Time { return day.Add(time.Duration(n) * time.Hour) }
)

// RunLedger checks an adapter against the contract.
func RunLedger(t *testing.T, make func(t *testing.T) Ledger) { //nolint:revive // shadows a builtin it does not need
	for name, test := range map[string]func(*testing.T, Ledger){
		"a new job starts at the time it is first seen":    opensNew,
		"state outlives the term and the declaration":      keepsState,
		"an occurrence is claimed once":                    claimsOnce,
		"a repeated claim of the same term is recognised":  repeatsClaim,
		"a stale term writes nothing":                      refusesStale,
		"what was left running is found and taken up":      findsUnfinished,
		"history is newest first":                          listsHistory,
		"pruning keeps the newest and whatever is running": prunes,
		"many jobs open at once":                           opensMany,
		"an ended context is refused":                      refusesEndedContext,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, make(t))
		})
	}
}

func describe(job string) scheduling.JobState {
	return scheduling.Describe(scheduling.Job{Name: job, Group: "default", Schedule: scheduling.Every(time.Hour)})
}

func record(term election.Term, job string, due time.Time) scheduling.Record {
	return scheduling.Record{
		V: 1, Job: job, Group: term.Group, Due: due, State: scheduling.StateRunning, Attempt: 1,
		Trigger: scheduling.TriggerSchedule, Token: term.Token, Instance: term.Leader, Started: due.Add(time.Millisecond),
	}
}

func (l Ledger) open(t *testing.T, term election.Term, job string, now time.Time) scheduling.Opened {
	t.Helper()
	all, err := l.Ledger.Open(t.Context(), term, []scheduling.JobState{describe(job)}, now)
	require.NoError(t, err)
	require.Contains(t, all, job)
	return all[job]
}

// claim claims due and returns the state to go on with.
func (l Ledger) claim(t *testing.T, term election.Term, state scheduling.JobState, due time.Time) (scheduling.JobState, scheduling.Record) {
	t.Helper()
	state.Watermark = due
	state.Running = append(append([]time.Time{}, state.Running...), due)
	rec, err := l.Ledger.Claim(t.Context(), term, state, record(term, state.Job, due))
	require.NoError(t, err)
	return state, rec
}

func (l Ledger) finish(t *testing.T, term election.Term, state scheduling.JobState, rec scheduling.Record) scheduling.JobState {
	t.Helper()
	rec.State, rec.Ended = scheduling.StateSucceeded, rec.Started.Add(time.Second)
	state.LastSuccess, state.Running = rec.Due, nil
	require.NoError(t, l.Ledger.Finish(t.Context(), term, state, rec))
	return state
}

func opensNew(t *testing.T, l Ledger) {
	term := l.Begin(t, "default", "a")
	opened := l.open(t, term, "job", hours(1))
	want := describe("job")
	want.Watermark = hours(1)
	require.Equal(t, want, opened.State)
	require.Empty(t, opened.Unfinished)
	require.Equal(t, opened, l.open(t, term, "job", hours(9)), "only the first look counts")
}

func keepsState(t *testing.T, l Ledger) {
	first := l.Begin(t, "default", "a")
	state := l.open(t, first, "job", hours(0)).State
	state, rec := l.claim(t, first, state, hours(1))
	l.finish(t, first, state, rec)

	second := l.Begin(t, "default", "b")
	declared := describe("job")
	declared.Schedule = "every 2h"
	all, err := l.Ledger.Open(t.Context(), second, []scheduling.JobState{declared}, hours(9))
	require.NoError(t, err)
	declared.Watermark, declared.LastSuccess = hours(1), hours(1)
	require.Equal(t, declared, all["job"].State)
}

func claimsOnce(t *testing.T, l Ledger) {
	first := l.Begin(t, "default", "a")
	state, rec := l.claim(t, first, l.open(t, first, "job", hours(0)).State, hours(1))
	l.finish(t, first, state, rec)

	second := l.Begin(t, "default", "b")
	_, err := l.Ledger.Claim(t.Context(), second, state, record(second, "job", hours(1)))
	require.ErrorIs(t, err, scheduling.ErrClaimed)
	history, err := l.Ledger.History(t.Context(), "job", 10)
	require.NoError(t, err)
	require.Len(t, history, 1)
	require.Equal(t, scheduling.StateSucceeded, history[0].State)
	require.Equal(t, "a", history[0].Instance)
}

func repeatsClaim(t *testing.T, l Ledger) {
	term := l.Begin(t, "default", "a")
	state, rec := l.claim(t, term, l.open(t, term, "job", hours(0)).State, hours(1))
	again := rec
	again.Started = again.Started.Add(time.Second)
	got, err := l.Ledger.Claim(t.Context(), term, state, again)
	require.NoError(t, err)
	require.Equal(t, rec, got, "what was written first counts")
}

func refusesStale(t *testing.T, l Ledger) {
	stale := l.Begin(t, "default", "a")
	state, rec := l.claim(t, stale, l.open(t, stale, "job", hours(0)).State, hours(1))
	l.Begin(t, "default", "b")

	next := state
	next.Watermark = hours(2)
	_, err := l.Ledger.Claim(t.Context(), stale, next, record(stale, "job", hours(2)))
	require.ErrorIs(t, err, election.ErrLost)
	done := rec
	done.State = scheduling.StateSucceeded
	require.ErrorIs(t, l.Ledger.Finish(t.Context(), stale, next, done), election.ErrLost)
	_, err = l.Ledger.Retake(t.Context(), stale, rec, done)
	require.ErrorIs(t, err, election.ErrLost)
	_, err = l.Ledger.Open(t.Context(), stale, []scheduling.JobState{describe("other")}, hours(3))
	require.ErrorIs(t, err, election.ErrLost)

	current := l.Begin(t, "default", "c")
	opened := l.open(t, current, "job", hours(9))
	require.Equal(t, state, opened.State, "nothing changed")
	require.Equal(t, []scheduling.Record{rec}, opened.Unfinished)
}

func findsUnfinished(t *testing.T, l Ledger) {
	first := l.Begin(t, "default", "a")
	state := l.open(t, first, "job", hours(0)).State
	state, one := l.claim(t, first, state, hours(1))
	_, two := l.claim(t, first, state, hours(2))

	second := l.Begin(t, "default", "b")
	opened := l.open(t, second, "job", hours(9))
	require.Equal(t, []scheduling.Record{one, two}, opened.Unfinished)

	again := one
	again.Attempt, again.Token, again.Instance = 2, second.Token, "b"
	got, err := l.Ledger.Retake(t.Context(), second, one, again)
	require.NoError(t, err)
	require.Equal(t, again, got)
	lost := two
	lost.State, lost.Token, lost.Instance = scheduling.StateLost, second.Token, "b"
	_, err = l.Ledger.Retake(t.Context(), second, two, lost)
	require.NoError(t, err)

	third := l.Begin(t, "default", "c")
	require.Equal(t, []scheduling.Record{again}, l.open(t, third, "job", hours(9)).Unfinished)
}

func listsHistory(t *testing.T, l Ledger) {
	term := l.Begin(t, "default", "a")
	state := l.open(t, term, "job", hours(0)).State
	empty, err := l.Ledger.History(t.Context(), "job", 10)
	require.NoError(t, err)
	require.Empty(t, empty)
	for i := 1; i <= 5; i++ {
		var rec scheduling.Record
		state, rec = l.claim(t, term, state, hours(i))
		state = l.finish(t, term, state, rec)
	}
	history, err := l.Ledger.History(t.Context(), "job", 3)
	require.NoError(t, err)
	require.Len(t, history, 3)
	for i, rec := range history {
		require.Equal(t, hours(5-i), rec.Due)
	}
	other, err := l.Ledger.History(t.Context(), "jo", 3)
	require.NoError(t, err)
	require.Empty(t, other, "a name that is the beginning of another")
}

func prunes(t *testing.T, l Ledger) {
	term := l.Begin(t, "default", "a")
	state := l.open(t, term, "job", hours(0)).State
	for i := 1; i <= 6; i++ {
		var rec scheduling.Record
		state, rec = l.claim(t, term, state, hours(i))
		if i != 3 {
			state = l.finish(t, term, state, rec)
		}
	}
	require.NoError(t, l.Ledger.Prune(t.Context(), term, "job", 2))
	history, err := l.Ledger.History(t.Context(), "job", 10)
	require.NoError(t, err)
	require.Len(t, history, 4, "the third is running still")
	require.Equal(t, hours(3), history[3].Due)
	require.NoError(t, l.Ledger.Prune(t.Context(), term, "job", 100))
}

func opensMany(t *testing.T, l Ledger) {
	const jobs = 2500 // several pages, and many transactions
	term := l.Begin(t, "default", "a")
	declared := make([]scheduling.JobState, jobs)
	for i := range declared {
		declared[i] = describe(fmt.Sprintf("job_%d", i))
	}
	for range 2 {
		all, err := l.Ledger.Open(t.Context(), term, declared, hours(1))
		require.NoError(t, err)
		require.Len(t, all, jobs)
		for _, opened := range all {
			require.Equal(t, hours(1), opened.State.Watermark)
		}
	}
}

func refusesEndedContext(t *testing.T, l Ledger) {
	term := l.Begin(t, "default", "a")
	state := l.open(t, term, "job", hours(0)).State
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(election.ErrLost)
	_, err := l.Ledger.Claim(ctx, term, state, record(term, "job", hours(1)))
	require.Error(t, err)
	history, err := l.Ledger.History(t.Context(), "job", 1)
	require.NoError(t, err)
	require.Empty(t, history)
}
