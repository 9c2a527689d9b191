package httpserver_test

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/baton/platform/httpserver"
)

func TestReadinessFollowsTheLifeOfTheApp(t *testing.T) {
	t.Parallel()
	f := serve(t, testConfig(), nil)
	expect := func(code int, body string) {
		t.Helper()
		gotCode, gotBody := f.get(t, "/readyz")
		require.Equal(t, code, gotCode)
		require.JSONEq(t, body, gotBody)
		gotCode, gotBody = f.get(t, "/livez")
		require.Equal(t, 200, gotCode, "alive all the time")
		require.JSONEq(t, `{"status":"ok"}`, gotBody)
	}
	expect(503, `{"status":"starting"}`)
	f.Ready()
	expect(200, `{"status":"ok"}`)
	f.Drain()
	expect(503, `{"status":"stopping"}`)
	f.Ready()
	expect(503, `{"status":"stopping"}`)
}

func TestChecks(t *testing.T) {
	t.Parallel()
	cfg := testConfig()
	cfg.CheckTimeout = 50 * time.Millisecond
	f := serve(t, cfg, nil,
		httpserver.Check{Name: "store", Func: func(context.Context) error { return nil }},
		httpserver.Check{Name: "etcd", Func: func(context.Context) error { return errDown }},
		httpserver.Check{Name: "mail", Func: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }},
		httpserver.Check{Name: "odd", Func: func(context.Context) error { panic("boom") }},
	)
	f.Ready()
	code, body := f.get(t, "/readyz")
	require.Equal(t, 503, code)
	require.JSONEq(t, `{"status":"failed","checks":{
		"store":{"status":"ok"},
		"etcd":{"status":"failed","error":"connection refused"},
		"mail":{"status":"failed","error":"no answer within 50ms"},
		"odd":{"status":"failed","error":"panic: boom"}}}`, body)
}

func TestChecksRunTogether(t *testing.T) {
	t.Parallel()
	var meeting sync.WaitGroup
	meeting.Add(2)
	meet := func(context.Context) error {
		meeting.Done()
		meeting.Wait()
		return nil
	}
	f := serve(t, testConfig(), nil, httpserver.Check{Name: "a", Func: meet}, httpserver.Check{Name: "b", Func: meet})
	f.Ready()
	code, _ := f.get(t, "/readyz")
	require.Equal(t, 200, code)
}

func TestStubbornCheckIsNotPiledUp(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	release := make(chan struct{})
	cfg := testConfig()
	cfg.CheckTimeout = 20 * time.Millisecond
	f := serve(t, cfg, nil, httpserver.Check{Name: "deaf", Func: func(context.Context) error {
		calls.Add(1)
		<-release
		return nil
	}})
	f.Ready()
	for range 5 {
		code, body := f.get(t, "/readyz")
		require.Equal(t, 503, code)
		require.Contains(t, body, "no answer within 20ms")
	}
	require.EqualValues(t, 1, calls.Load())
	close(release)
	require.Eventually(t, func() bool { code, _ := f.get(t, "/readyz"); return code == 200 }, 10*time.Second, 10*time.Millisecond)
}

func TestBadChecks(t *testing.T) {
	t.Parallel()
	s := httpserver.New(testConfig(), httpserver.Instruments{}, slog.New(slog.DiscardHandler))
	ok := func(context.Context) error { return nil }
	require.NoError(t, s.AddCheck(httpserver.Check{Name: "a", Func: ok}))
	require.ErrorContains(t, s.AddCheck(httpserver.Check{Name: "a", Func: ok}), "declared twice")
	require.ErrorContains(t, s.AddCheck(httpserver.Check{Func: ok}), "a name and a function")
	require.ErrorContains(t, s.AddCheck(httpserver.Check{Name: "b"}), "a name and a function")
}
