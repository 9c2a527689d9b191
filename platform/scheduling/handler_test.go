package scheduling_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/baton/platform/election"
	"example.com/baton/platform/scheduling"
)

func ended(cause error) context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	return ctx
}

func TestResultOf(t *testing.T) {
	t.Parallel()
	alive := context.Background()
	own := errors.New("no such customer")
	for name, c := range map[string]struct {
		ctx   context.Context
		err   error
		want  scheduling.Result
		state scheduling.State
	}{
		"success":                                   {alive, nil, scheduling.ResultSuccess, scheduling.StateSucceeded},
		"success although the lead was lost":        {ended(election.ErrLost), nil, scheduling.ResultSuccess, scheduling.StateSucceeded},
		"success although cancelled":                {ended(election.ErrResigned), nil, scheduling.ResultSuccess, scheduling.StateSucceeded},
		"success although the time was up":          {ended(scheduling.ErrTimeout), nil, scheduling.ResultSuccess, scheduling.StateSucceeded},
		"failure":                                   {alive, own, scheduling.ResultFailure, scheduling.StateFailed},
		"a deadline of the job's own":               {alive, fmt.Errorf("query: %w", context.DeadlineExceeded), scheduling.ResultFailure, scheduling.StateFailed},
		"a cancellation of the job's own":           {alive, context.Canceled, scheduling.ResultFailure, scheduling.StateFailed},
		"panic":                                     {alive, &scheduling.PanicError{Value: "x"}, scheduling.ResultFailure, scheduling.StateFailed},
		"timeout":                                   {alive, fmt.Errorf("%w after 1s: %w", scheduling.ErrTimeout, own), scheduling.ResultTimeout, scheduling.StateTimedOut},
		"timeout, seen from within":                 {ended(fmt.Errorf("%w after 1s", scheduling.ErrTimeout)), context.DeadlineExceeded, scheduling.ResultTimeout, scheduling.StateTimedOut},
		"timeout, then the lead was lost":           {ended(election.ErrLost), fmt.Errorf("%w: %w", scheduling.ErrTimeout, own), scheduling.ResultTimeout, scheduling.StateTimedOut},
		"lost":                                      {ended(election.ErrLost), context.Canceled, scheduling.ResultLost, scheduling.StateLost},
		"lost, whatever the job made of it":         {ended(fmt.Errorf("group: %w", election.ErrLost)), own, scheduling.ResultLost, scheduling.StateLost},
		"lost, told by a sink that refused a token": {alive, fmt.Errorf("insert: %w", election.ErrLost), scheduling.ResultLost, scheduling.StateLost},
		"resigned":                                  {ended(fmt.Errorf("drain grace is over: %w", election.ErrResigned)), own, scheduling.ResultCancellation, scheduling.StateCancelled},
		"cancelled":                                 {ended(nil), context.Canceled, scheduling.ResultCancellation, scheduling.StateCancelled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := scheduling.ResultOf(c.ctx, c.err)
			require.Equal(t, c.want, got)
			require.Equal(t, c.state, got.State())
		})
	}
	require.Equal(t, scheduling.StateSkipped, scheduling.ResultSkip.State())
}

func TestChainOrder(t *testing.T) {
	t.Parallel()
	var order []string
	note := func(name string) scheduling.Middleware {
		return func(next scheduling.Handler) scheduling.Handler {
			return func(ctx context.Context, run scheduling.Run) error {
				order = append(order, name)
				return next(ctx, run)
			}
		}
	}
	body := func(context.Context, scheduling.Run) error { order = append(order, "job"); return nil }
	require.NoError(t, scheduling.Chain(body, note("outer"), note("inner"))(t.Context(), scheduling.Run{}))
	require.Equal(t, []string{"outer", "inner", "job"}, order)
}

func TestRecover(t *testing.T) {
	t.Parallel()
	handler := scheduling.Chain(func(context.Context, scheduling.Run) error { panic("index out of range") }, scheduling.Recover())
	err := handler(t.Context(), scheduling.Run{})
	var panicked *scheduling.PanicError
	require.ErrorAs(t, err, &panicked)
	require.EqualError(t, err, "panic: index out of range")
	require.Contains(t, string(panicked.Stack), "TestRecover", "the stack is that of the panic")

	own := errors.New("own")
	handler = scheduling.Chain(func(context.Context, scheduling.Run) error { return own }, scheduling.Recover())
	require.Equal(t, own, handler(t.Context(), scheduling.Run{}))
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	own := errors.New("half-way")
	untilEnd := func(ctx context.Context, _ scheduling.Run) error {
		<-ctx.Done()
		return fmt.Errorf("query: %w", ctx.Err())
	}
	timeouts := func(job string) time.Duration {
		return map[string]time.Duration{"quick": time.Second, "negative": -time.Second}[job]
	}
	for name, c := range map[string]struct {
		job    string
		parent time.Duration // until the parent ends, with ErrLost
		body   scheduling.Handler
		result scheduling.Result
		text   string
		took   time.Duration
	}{
		"stopped":                {"quick", time.Hour, untilEnd, scheduling.ResultTimeout, "scheduling: run timed out after 1s: query: context deadline exceeded", time.Second},
		"no bound":               {"free", time.Hour, untilEnd, scheduling.ResultLost, "query: context canceled", time.Hour},
		"no bound, negative":     {"negative", time.Hour, untilEnd, scheduling.ResultLost, "query: context canceled", time.Hour},
		"lost before":            {"quick", time.Millisecond, untilEnd, scheduling.ResultLost, "query: context canceled", time.Millisecond},
		"failed before":          {"quick", time.Hour, func(context.Context, scheduling.Run) error { return own }, scheduling.ResultFailure, "half-way", 0},
		"done although too late": {"quick", time.Hour, func(ctx context.Context, _ scheduling.Run) error { <-ctx.Done(); return nil }, scheduling.ResultSuccess, "", time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer time.AfterFunc(c.parent, func() { cancel(election.ErrLost) }).Stop()
				begin := time.Now()
				err := scheduling.Chain(c.body, scheduling.Timeout(timeouts))(ctx, scheduling.Run{Job: c.job})
				require.Equal(t, c.took, time.Since(begin))
				require.Equal(t, c.result, scheduling.ResultOf(ctx, err))
				if c.text == "" {
					require.NoError(t, err)
				} else {
					require.EqualError(t, err, c.text)
				}
			})
		})
	}
}

func noTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// TestLogContract: tools read these records; a key that changes here breaks them.
func TestLogContract(t *testing.T) {
	t.Parallel()
	const same = `"instance":"billing-1","group":"default","token":42,"job":"close_overdue","run_id":"close_overdue@20000101T000000Z","due":"2000-01-01T00:00:00Z","attempt":2`
	for name, c := range map[string]struct {
		err  error
		ctx  func(context.Context) context.Context
		want string // how the second record differs
	}{
		"success":      {nil, nil, `"result":"success","duration":1500000000,"error":""`},
		"failure":      {errors.New("no such customer"), nil, `"result":"failure","duration":1500000000,"error":"no such customer"`},
		"cancellation": {context.Canceled, func(context.Context) context.Context { return ended(election.ErrResigned) }, `"result":"cancellation","duration":1500000000,"error":"context canceled"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				handler := scheduling.Chain(func(context.Context, scheduling.Run) error {
					time.Sleep(1500 * time.Millisecond)
					return c.err
				}, scheduling.Log(slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{ReplaceAttr: noTime}))))
				ctx := t.Context()
				if c.ctx != nil {
					ctx = c.ctx(ctx)
				}
				due := time.Now().UTC()
				err := handler(ctx, scheduling.Run{
					ID: scheduling.RunID("close_overdue", due), Job: "close_overdue", Group: "default", Due: due, Attempt: 2,
					Trigger: scheduling.TriggerRecovery, Term: election.Term{Group: "default", Leader: "billing-1", Token: 42},
				})
				require.Equal(t, c.err, err)
				level := "INFO"
				if c.err != nil {
					level = "ERROR"
				}
				want := `{"level":"INFO","msg":"run started",` + same + `,"trigger":"recovery"}` + "\n" +
					`{"level":"` + level + `","msg":"run finished",` + same + `,` + c.want + `}` + "\n"
				require.Equal(t, want, out.String())
			})
		})
	}
}
