package httpserver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"example.com/baton/platform/httpserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type fixture struct {
	*httpserver.Server
	spans  *tracetest.SpanRecorder
	log    *lockedBuffer
	client *http.Client
	end    context.CancelFunc
	ended  chan error
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func testConfig() httpserver.Config {
	cfg := httpserver.DefaultConfig()
	cfg.Address = "127.0.0.1:0"
	return cfg
}

func serve(t *testing.T, cfg httpserver.Config, routes []httpserver.Route, checks ...httpserver.Check) *fixture {
	t.Helper()
	f := &fixture{spans: tracetest.NewSpanRecorder(), log: &lockedBuffer{}, client: &http.Client{Transport: &http.Transport{}}, ended: make(chan error, 1)}
	f.Server = httpserver.New(cfg, httpserver.Instruments{
		Traces:     sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(f.spans)),
		Metrics:    metricnoop.NewMeterProvider(),
		Propagator: propagation.TraceContext{},
	}, slog.New(slog.NewTextHandler(f.log, nil)))
	for _, r := range routes {
		require.NoError(t, f.Handle(r))
	}
	for _, c := range checks {
		require.NoError(t, f.AddCheck(c))
	}
	require.NoError(t, f.Listen(t.Context()))
	ctx, end := context.WithCancel(context.WithoutCancel(t.Context()))
	f.end = end
	go func() { f.ended <- f.Serve(ctx) }()
	t.Cleanup(func() {
		end()
		f.client.CloseIdleConnections()
		select {
		case <-f.ended:
		case <-time.After(10 * time.Second):
			t.Error("server did not stop")
		}
	})
	return f
}

// stop ends the server and returns what Serve returned.
func (f *fixture) stop() error {
	f.end()
	err := <-f.ended
	f.ended <- err // for the cleanup
	return err
}

func (f *fixture) get(t *testing.T, path string, headers ...string) (int, string) {
	t.Helper()
	status, body, err := f.ask(t.Context(), path, headers...)
	require.NoError(t, err)
	return status, body
}

func (f *fixture) ask(ctx context.Context, path string, headers ...string) (status int, body string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+f.Addr().String()+path, nil)
	if err != nil {
		return 0, "", err
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := f.client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text), err
}

func text(s string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, s) }
}

func TestAddress(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{
		"127.0.0.1:0": true, ":8080": true, "[::1]:80": true, "localhost:65535": true,
		"": false, "8080": false, "localhost": false, "localhost:http": false, "localhost:65536": false, "localhost:-1": false,
	} {
		cfg := testConfig()
		cfg.Address = address
		require.Equal(t, ok, cfg.Validate() == nil, address)
	}
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	other, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = other.Close() }()
	cfg := testConfig()
	cfg.Address = other.Addr().String()
	s := httpserver.New(cfg, httpserver.Instruments{}, slog.New(slog.DiscardHandler))
	require.EqualError(t, s.Listen(t.Context()), "http.address "+cfg.Address+": bind: address already in use")
}

func TestRoutesAreTracedUnlessTheySayOtherwise(t *testing.T) {
	t.Parallel()
	f := serve(t, testConfig(), []httpserver.Route{
		{Pattern: "GET /invoices/{id}", Handler: text("invoice")},
		{Pattern: "GET /metrics", Handler: text("metrics"), Untraced: true},
	})
	const parent = "00-0102030405060708090a0b0c0d0e0f10-0102030405060708-01"
	for path, want := range map[string]string{"/invoices/7": "invoice", "/metrics": "metrics"} {
		code, body := f.get(t, path, "Traceparent", parent)
		require.Equal(t, 200, code)
		require.Equal(t, want, body)
	}
	code, _ := f.get(t, "/livez")
	require.Equal(t, 200, code)
	require.NoError(t, f.stop())
	require.Len(t, f.spans.Ended(), 1)
	span := f.spans.Ended()[0]
	require.Equal(t, "GET /invoices/{id}", span.Name(), "not the path: it would be a name per invoice")
	require.Equal(t, "0102030405060708090a0b0c0d0e0f10", span.SpanContext().TraceID().String())
}

func TestBadRoutes(t *testing.T) {
	t.Parallel()
	s := httpserver.New(testConfig(), httpserver.Instruments{Propagator: propagation.TraceContext{}}, slog.New(slog.DiscardHandler))
	for pattern, want := range map[string]string{"GET": "route", "GET /livez": "conflicts", "": "route", "GET /{a": "route"} {
		err := s.Handle(httpserver.Route{Pattern: pattern, Handler: text(""), Untraced: true})
		require.ErrorContains(t, err, want, pattern)
	}
	require.ErrorContains(t, s.Handle(httpserver.Route{Pattern: "GET /x"}), "no handler")
}

func TestPanicBecomes500(t *testing.T) {
	t.Parallel()
	f := serve(t, testConfig(), []httpserver.Route{
		{Pattern: "GET /early", Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") })},
		{Pattern: "GET /late", Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "half an ans")
			panic("boom")
		})},
	})
	code, body := f.get(t, "/early")
	require.Equal(t, 500, code)
	require.JSONEq(t, `{"title":"Internal Server Error","status":500}`, body)
	require.Contains(t, f.log.String(), "panic=boom")
	require.Contains(t, f.log.String(), "httpserver_test.go", "the stack")

	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+f.Addr().String()+"/late", nil)
	require.NoError(t, err)
	answer, err := f.client.Do(r)
	if err == nil {
		_, err = io.ReadAll(answer.Body)
		require.NoError(t, answer.Body.Close())
	}
	require.Error(t, err, "half an answer must not look like a whole one")
	code, _ = f.get(t, "/livez")
	require.Equal(t, 200, code, "the process goes on")
}

func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	cfg := testConfig()
	cfg.MaxBodyBytes = 1024
	f := serve(t, cfg, []httpserver.Route{{Pattern: "POST /in", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			httpserver.WriteProblem(w, http.StatusRequestEntityTooLarge, "at most 1024 bytes")
		}
	})}})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+f.Addr().String()+"/in", strings.NewReader(strings.Repeat("x", 1025)))
	require.NoError(t, err)
	answer, err := f.client.Do(r)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	require.Equal(t, 413, answer.StatusCode)
	require.Equal(t, "application/problem+json", answer.Header.Get("Content-Type"))
	var p httpserver.Problem
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&p))
	require.Equal(t, "at most 1024 bytes", p.Detail)
}

func TestSlowHeadersAreCutOff(t *testing.T) {
	t.Parallel()
	cfg := testConfig()
	cfg.ReadHeaderTimeout = 50 * time.Millisecond
	f := serve(t, cfg, nil)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", f.Addr().String())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = conn.Write([]byte("GET /livez HTTP/1.1\r\nHost:"))
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	_, err = io.ReadAll(conn)
	require.NoError(t, err, "closed by the server")
}

func TestStopLetsRequestsFinish(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	f := serve(t, testConfig(), []httpserver.Route{{Pattern: "GET /slow", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-httpserver.Stopping(r.Context()) // the server tells streams that it stops
		<-release
		_, _ = io.WriteString(w, "done")
	})}})
	got := make(chan string, 1)
	go func() {
		_, body, err := f.ask(t.Context(), "/slow")
		if err != nil {
			body = err.Error()
		}
		got <- body
	}()
	<-entered
	f.end()
	close(release)
	require.Equal(t, "done", <-got)
	require.NoError(t, f.stop())
}

func TestStopIsBounded(t *testing.T) {
	t.Parallel()
	cfg := testConfig()
	cfg.ShutdownTimeout = 20 * time.Millisecond
	entered := make(chan struct{})
	f := serve(t, cfg, []httpserver.Route{{Pattern: "GET /stuck", Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
	})}})
	failed := make(chan error, 1)
	go func() {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+f.Addr().String()+"/stuck", nil)
		if err == nil {
			_, err = f.client.Do(r) //nolint:bodyclose // there is no answer
		}
		failed <- err
	}()
	<-entered
	require.ErrorContains(t, f.stop(), "requests cut off after 20ms")
	require.Error(t, <-failed)
}

var errDown = errors.New("connection refused")
