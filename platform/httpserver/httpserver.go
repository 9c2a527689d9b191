// Package httpserver serves the HTTP side of a service: its own routes, health, and metrics.
//
// It binds to loopback unless configured, bounds every request in time and size, turns a handler's
// panic into a 500, and traces the service's routes. /livez answers while the process runs, and says
// nothing about its dependencies, so that a dependency's outage does not get the process killed.
// /readyz asks the dependencies. It does no authentication and no TLS: that is for the proxy in front,
// or for a route's own handler.
package httpserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"example.com/baton/platform/config"
)

// Config is the section http.
type Config struct {
	Address           string        `koanf:"address" doc:"address to listen on; port 0 picks a free one"`
	ReadHeaderTimeout time.Duration `koanf:"read_header_timeout" validate:"min=1ms" doc:"limit for reading the headers of a request"`
	ReadTimeout       time.Duration `koanf:"read_timeout" validate:"min=1ms" doc:"limit for reading a request"`
	WriteTimeout      time.Duration `koanf:"write_timeout" validate:"min=1ms" doc:"limit for answering a request"`
	IdleTimeout       time.Duration `koanf:"idle_timeout" validate:"min=1ms" doc:"how long an unused connection is kept"`
	MaxHeaderBytes    int           `koanf:"max_header_bytes" validate:"min=1024" doc:"largest size of the headers of a request"`
	MaxBodyBytes      int64         `koanf:"max_body_bytes" validate:"min=1024" doc:"largest size of the body of a request"`
	CheckTimeout      time.Duration `koanf:"check_timeout" validate:"min=1ms" doc:"limit of one readiness check"`
	ShutdownTimeout   time.Duration `koanf:"shutdown_timeout" validate:"min=1ms" doc:"how long requests may go on after the server was told to stop"`
}

// DefaultConfig listens on a fixed port of loopback.
func DefaultConfig() Config {
	return Config{
		Address:           "127.0.0.1:8080",
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		MaxBodyBytes:      1 << 20,
		CheckTimeout:      2 * time.Second,
		ShutdownTimeout:   5 * time.Second,
	}
}

// Validate checks the address.
func (c Config) Validate() error {
	_, port, err := net.SplitHostPort(c.Address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return config.Problem{Key: "address", Value: c.Address, Rule: `must be host:port, as in "127.0.0.1:8080"`}
	}
	return nil
}

// Route is a handler and where it is mounted.
type Route struct {
	// Pattern is a pattern of http.ServeMux with a method, as in "GET /invoices/{id}".
	Pattern string
	Handler http.Handler
	// Untraced leaves out the span and the metrics of requests, for routes that machines poll.
	Untraced bool
}

// Instruments are where requests are traced and measured.
type Instruments struct {
	Traces     trace.TracerProvider
	Metrics    metric.MeterProvider
	Propagator propagation.TextMapPropagator
}

// Server is an HTTP server. Handle and AddCheck are for the time before Serve; the other methods are
// safe for concurrent use.
type Server struct {
	cfg         Config
	log         *slog.Logger
	instruments Instruments
	mux         *http.ServeMux
	checks      []*check
	state       atomic.Int32
	stopping    chan struct{}
	listener    net.Listener
}

// New returns a server that listens to nothing yet and has /livez and /readyz.
func New(cfg Config, instruments Instruments, log *slog.Logger) *Server {
	s := &Server{cfg: cfg, log: log, instruments: instruments, mux: http.NewServeMux(), stopping: make(chan struct{})}
	s.mux.Handle("GET /livez", http.HandlerFunc(live))
	s.mux.Handle("GET /readyz", s.guarded(http.HandlerFunc(s.readyz)))
	return s
}

// Handle mounts a route. It fails on a pattern that is malformed or conflicts with another.
func (s *Server) Handle(r Route) (err error) {
	if r.Handler == nil {
		return fmt.Errorf("http route %q: no handler", r.Pattern)
	}
	handler := s.guarded(http.MaxBytesHandler(r.Handler, s.cfg.MaxBodyBytes))
	if !r.Untraced {
		handler = otelhttp.NewHandler(handler, r.Pattern,
			otelhttp.WithTracerProvider(s.instruments.Traces),
			otelhttp.WithMeterProvider(s.instruments.Metrics),
			otelhttp.WithPropagators(s.instruments.Propagator),
			otelhttp.WithSpanNameFormatter(func(pattern string, _ *http.Request) string { return pattern }),
		)
	}
	defer func() { // ServeMux has no other way to say it
		if problem := recover(); problem != nil {
			err = fmt.Errorf("http route %q: %v", r.Pattern, problem)
		}
	}()
	s.mux.Handle(r.Pattern, handler)
	return nil
}

// Listen binds the address, so that a port in use is found at the start and not in a goroutine.
func (s *Server) Listen(ctx context.Context) error {
	var err error
	s.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", s.cfg.Address)
	if err != nil {
		if inner, ok := errors.AsType[*net.OpError](err); ok {
			err = inner.Err
		}
		return fmt.Errorf("http.address %s: %w", s.cfg.Address, err)
	}
	return nil
}

// Addr is the address that Listen bound.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Serve answers requests until ctx ends, then lets the ones under way finish, for at most the
// configured shutdown timeout. It needs Listen before it, and returns nil after a stop in time.
func (s *Server) Serve(ctx context.Context) error {
	server := &http.Server{
		Handler:           s.mux,
		ReadHeaderTimeout: s.cfg.ReadHeaderTimeout,
		ReadTimeout:       s.cfg.ReadTimeout,
		WriteTimeout:      s.cfg.WriteTimeout,
		IdleTimeout:       s.cfg.IdleTimeout,
		MaxHeaderBytes:    s.cfg.MaxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
		BaseContext: func(net.Listener) context.Context {
			return context.WithValue(context.Background(), stoppingKey{}, s.stopping)
		},
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(s.listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	s.Drain()
	close(s.stopping)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.ShutdownTimeout)
	defer cancel()
	err := server.Shutdown(grace)
	if err != nil {
		err = errors.Join(fmt.Errorf("requests cut off after %s: %w", s.cfg.ShutdownTimeout, err), server.Close())
	}
	<-served
	return err
}

type stoppingKey struct{}

// Stopping returns a channel that is closed when the server begins to stop. A handler that streams
// watches it, besides the end of its request: the server waits for handlers. For a context that does
// not come from a Server the channel is nil.
func Stopping(ctx context.Context) <-chan struct{} {
	stopping, _ := ctx.Value(stoppingKey{}).(chan struct{})
	return stopping
}
