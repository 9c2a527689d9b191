// Package etcdclient makes the one etcd client of a process from its
// configuration.
//
// It adds what a long-lived client needs and the library leaves out: keep-alives
// that notice a dead connection, TLS and credentials from files, and trace
// context on every call. It hides nothing: a Client is the library's own.
//
// Invariant: a client is made without asking etcd, so a service starts while
// etcd is away. The exception is a user name with a password: the library logs in
// at once, and New fails when it can't within the dial timeout. A client
// certificate, whose common name is the user, has no such need.
package etcdclient

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc/filters"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"example.com/baton/platform/config"
)

// Client is the library's client. The name spares those who only pass it on the
// import of etcd.
type Client = clientv3.Client

// Cmp is the library's condition of a transaction, for those who only pass it on.
type Cmp = clientv3.Cmp

// Config is the section etcd.
type Config struct {
	Endpoints    []string      `koanf:"endpoints" validate:"required" doc:"addresses of the etcd members, host:port"`
	Prefix       string        `koanf:"prefix" validate:"required" doc:"path under which everything is kept; a service adds its own name"`
	Username     string        `koanf:"username" doc:"etcd user; empty means no authentication, or the one of the client certificate"`
	PasswordFile string        `koanf:"password_file" doc:"file that holds the password of the user"`
	DialTimeout  time.Duration `koanf:"dial_timeout" validate:"min=100ms" doc:"longest time one attempt to connect takes"`
	TLS          TLS           `koanf:"tls"`
}

// TLS is the section etcd.tls.
type TLS struct {
	CAFile   string `koanf:"ca_file" doc:"certificates that may sign the members' ones; given, it turns TLS on"`
	CertFile string `koanf:"cert_file" doc:"certificate to show to the members"`
	KeyFile  string `koanf:"key_file" doc:"private key of the certificate"`
}

// DefaultConfig is a member on this machine.
func DefaultConfig() Config {
	return Config{Endpoints: []string{"127.0.0.1:2379"}, Prefix: "/baton", DialTimeout: 5 * time.Second}
}

var prefixPattern = regexp.MustCompile(`^(/[A-Za-z0-9._-]+)+$`)

// Validate checks what a single field can't tell.
func (c Config) Validate() error {
	var problems []error
	for _, endpoint := range c.Endpoints {
		if !isHostPort(endpoint) {
			problems = append(problems, config.Problem{Key: "endpoints", Value: endpoint, Rule: "must be host:port, without a scheme"})
		}
	}
	if !prefixPattern.MatchString(c.Prefix) {
		problems = append(problems, config.Problem{Key: "prefix", Value: c.Prefix, Rule: "must be a path such as /baton, without a slash at the end"})
	}
	if (c.Username == "") != (c.PasswordFile == "") {
		problems = append(problems, config.Problem{Key: "password_file", Value: c.PasswordFile, Rule: "must be given together with etcd.username"})
	}
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		problems = append(problems, config.Problem{Key: "tls.key_file", Value: c.TLS.KeyFile, Rule: "must be given together with etcd.tls.cert_file"})
	}
	if c.TLS.CertFile != "" && c.TLS.CAFile == "" {
		problems = append(problems, config.Problem{Key: "tls.ca_file", Rule: "must be given together with etcd.tls.cert_file"})
	}
	return errors.Join(problems...)
}

func isHostPort(endpoint string) bool {
	host, port, err := net.SplitHostPort(endpoint)
	if err != nil || host == "" || strings.ContainsAny(host, "/ ") {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

// Base returns the path under which a service keeps its records.
func (c Config) Base(service string) string { return c.Prefix + "/" + service }

// New returns a client. It waits for etcd only to log in with a password.
func New(cfg Config, traces trace.TracerProvider, propagator propagation.TextMapPropagator) (*Client, error) {
	transport, err := cfg.TLS.load()
	if err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	password, err := readPassword(cfg.PasswordFile)
	if err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	client, err := clientv3.New(clientv3.Config{
		Endpoints:            cfg.Endpoints,
		Username:             cfg.Username,
		Password:             password,
		TLS:                  transport,
		DialTimeout:          cfg.DialTimeout,
		DialKeepAliveTime:    10 * time.Second,
		DialKeepAliveTimeout: 3 * time.Second,
		// What goes wrong is reported by whoever made the call, with its reason.
		Logger: zap.NewNop(),
		DialOptions: []grpc.DialOption{grpc.WithStatsHandler(otelgrpc.NewClientHandler(
			otelgrpc.WithTracerProvider(traces),
			otelgrpc.WithPropagators(propagator),
			otelgrpc.WithMeterProvider(noop.NewMeterProvider()),
			// A stream lives for days: its span would end in an error, if ever.
			otelgrpc.WithFilter(filters.None(
				filters.FullMethodName("/etcdserverpb.Watch/Watch"),
				filters.FullMethodName("/etcdserverpb.Lease/LeaseKeepAlive")))))},
	})
	if err != nil && cfg.Username != "" {
		return nil, fmt.Errorf("etcd: log in as %s at %s: %w", cfg.Username, strings.Join(cfg.Endpoints, ", "), err)
	}
	if err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	return client, nil
}

func (t TLS) load() (*tls.Config, error) {
	if t.CAFile == "" {
		return nil, nil //nolint:nilnil // no TLS is not an error
	}
	pem, err := os.ReadFile(t.CAFile)
	if err != nil {
		return nil, fmt.Errorf("tls.ca_file: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("tls.ca_file %s: holds no certificate in PEM form", t.CAFile)
	}
	out := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	if t.CertFile != "" {
		// Read at every handshake, so that a certificate that was renewed on disk
		// is used by the next connection.
		if _, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile); err != nil {
			return nil, fmt.Errorf("tls.cert_file: %w", err)
		}
		out.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
			return &pair, err
		}
	}
	return out, nil
}

func readPassword(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("password_file: %w", err)
	}
	password := strings.TrimRight(string(text), "\r\n")
	if password == "" {
		// The library would take it as a wish not to log in.
		return "", fmt.Errorf("password_file %s: holds no password", file)
	}
	return password, nil
}
