package election_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"example.com/baton/platform/election"
	"example.com/baton/platform/election/memelection"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// diary is an observer, and whatever else happens is noted in it too.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

func (d *diary) all() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string{}, d.lines...)
}

func (d *diary) TermStarted(_ context.Context, t election.Term) {
	d.note("started %s %d", t.Leader, t.Token)
}

func (d *diary) TermEnded(ctx context.Context, t election.Term, cause error) {
	d.note("ended %s %d: %v, context %v", t.Leader, t.Token, cause, ctx.Err())
}

// campaign leads as instance until stop is called.
func campaign(t *testing.T, e election.Elector, lead func(context.Context, election.Term)) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Lead(ctx, "default", lead) }()
	return func() {
		cancel()
		require.NoError(t, <-done)
	}
}

func TestObserveResignation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cluster, d := memelection.NewCluster(), &diary{}
		lead := func(ctx context.Context, term election.Term) {
			<-ctx.Done()
			time.Sleep(time.Second) // drains
			d.note("%s returns, tenure %v", term.Leader, election.Tenure(ctx).Err())
		}
		stopA := campaign(t, election.Observe(cluster.Member("a"), d), lead)
		synctest.Wait()
		stopB := campaign(t, election.Observe(cluster.Member("b"), d), lead)
		synctest.Wait()
		stopA()
		synctest.Wait()
		stopB()
		require.Equal(t, []string{
			"started a 1",
			"a returns, tenure <nil>",
			"ended a 1: election: leadership resigned, context <nil>", // before the next one starts
			"started b 2",
			"b returns, tenure <nil>",
			"ended b 2: election: leadership resigned, context <nil>",
		}, d.all())
	})
}

func TestObserveLoss(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cluster, d := memelection.NewCluster(), &diary{}
		release := make(chan struct{})
		stop := campaign(t, election.Observe(cluster.Member("a"), d), func(ctx context.Context, term election.Term) {
			if term.Token == 1 {
				<-release // deaf
				d.note("a returns, tenure %v", context.Cause(election.Tenure(ctx)))
				return
			}
			<-ctx.Done()
		})
		synctest.Wait()
		require.True(t, cluster.Expire("default"))
		synctest.Wait()
		const lost = "ended a 1: election: leadership lost, context <nil>"
		require.Equal(t, []string{"started a 1", lost}, d.all(), "told at once, not when lead returns")
		close(release)
		synctest.Wait()
		stop()
		require.Equal(t, []string{
			"started a 1", lost, "a returns, tenure election: leadership lost",
			"started a 2", "ended a 2: election: leadership resigned, context <nil>",
		}, d.all())
	})
}

// TestObserveLossWhileLeadReturns: both ends at once are one end, and nothing goes
// on behind Lead's back.
func TestObserveLossWhileLeadReturns(t *testing.T) {
	t.Parallel()
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			cluster, d := memelection.NewCluster(), &diary{}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() {
				done <- election.Observe(cluster.Member("a"), d, d).Lead(ctx, "default", func(ctx context.Context, _ election.Term) { <-ctx.Done() })
			}()
			synctest.Wait()
			go cluster.Expire("default")
			cancel()
			require.NoError(t, <-done)
			lines := d.all()
			require.Zero(t, len(lines)%4, lines)
			for i := 0; i < len(lines); i += 4 { // two observers; perhaps a second term
				require.True(t, strings.HasPrefix(lines[i], "started") && lines[i] == lines[i+1], lines)
				require.True(t, strings.HasPrefix(lines[i+2], "ended") && lines[i+2] == lines[i+3], lines)
			}
			synctest.Wait()
			require.Len(t, d.all(), len(lines), "nothing comes after")
		})
	}
}

// TestObserveLeadThatReturnsEarly gives the term up.
func TestObserveLeadThatReturnsEarly(t *testing.T) {
	t.Parallel()
	d, terms := &diary{}, 0
	ctx, cancel := context.WithCancel(t.Context())
	err := election.Observe(memelection.NewCluster().Member("a"), d).Lead(ctx, "default", func(context.Context, election.Term) {
		if terms++; terms == 2 {
			cancel()
		}
	})
	require.NoError(t, err)
	require.Equal(t, []string{
		"started a 1", "ended a 1: election: leadership resigned, context <nil>",
		"started a 2", "ended a 2: election: leadership resigned, context <nil>",
	}, d.all())
}

func TestObservePanic(t *testing.T) {
	t.Parallel()
	d := &diary{}
	require.PanicsWithValue(t, "oh", func() {
		_ = election.Observe(memelection.NewCluster().Member("a"), d).Lead(t.Context(), "default", func(context.Context, election.Term) { panic("oh") })
	})
	require.Len(t, d.all(), 2, "its end is told")
}

func TestObservePassesErrorsOn(t *testing.T) {
	t.Parallel()
	member := memelection.NewCluster().Member("a")
	e := election.Observe(member, &diary{})
	require.ErrorContains(t, e.Lead(t.Context(), "No Group", nil), "must match")
	member.Close()
	require.ErrorIs(t, e.Lead(t.Context(), "default", nil), election.ErrClosed)
	_, ok, err := e.Leader(t.Context(), "default")
	require.NoError(t, err)
	require.False(t, ok)
}

// TestLogContract: tools read these records; a key that changes here breaks them.
func TestLogContract(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := election.LogTerms(slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})))
	term := election.Term{Group: "default", Leader: "billing-1", Token: 42}
	log.TermStarted(t.Context(), term)
	log.TermEnded(t.Context(), term, fmt.Errorf("moved: %w", election.ErrResigned))
	log.TermEnded(t.Context(), term, election.ErrLost)
	log.TermEnded(t.Context(), term, errors.New("anything else"))
	//nolint:testifylint // several documents, and their bytes are the contract
	require.Equal(t, `{"level":"INFO","msg":"term started","instance":"billing-1","group":"default","token":42}
{"level":"INFO","msg":"term ended","instance":"billing-1","group":"default","token":42,"reason":"resigned"}
{"level":"INFO","msg":"term ended","instance":"billing-1","group":"default","token":42,"reason":"lost"}
{"level":"INFO","msg":"term ended","instance":"billing-1","group":"default","token":42,"reason":"lost"}
`, out.String())
}

func TestValidateGroup(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"default", "a", "0", "eu-west.1_b", strings.Repeat("x", 63)} {
		require.NoError(t, election.ValidateGroup(name), name)
	}
	for _, name := range []string{"", "Default", "a/b", "-a", ".", "..", "a b", "a\n", "ü", strings.Repeat("x", 64)} {
		require.ErrorContains(t, election.ValidateGroup(name), "must match", name)
	}
}

func TestTenure(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	require.Equal(t, ctx, election.Tenure(ctx), "of no term: the context itself")
	term := election.WithTenure(ctx, t.Context())
	cancel()
	require.Error(t, term.Err())
	require.NoError(t, election.Tenure(term).Err(), "a graceful end does not end it")
}
