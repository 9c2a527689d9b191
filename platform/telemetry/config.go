package telemetry

import (
	"errors"
	"net"
	"net/url"
	"strings"
	"time"

	"example.com/baton/platform/config"
)

// Config is the section telemetry.
type Config struct {
	OTLP           OTLP `koanf:"otlp"`
	RuntimeMetrics bool `koanf:"runtime_metrics" doc:"expose metrics of the Go runtime and the process"`
}

// OTLP says where spans go.
type OTLP struct {
	Endpoint     string        `koanf:"endpoint" doc:"collector that takes traces over OTLP/gRPC: https://host:port with TLS, http://host:port or host:port without; empty exports nothing"`
	Timeout      time.Duration `koanf:"timeout" validate:"min=10ms,max=1m" doc:"limit of one export"`
	BatchTimeout time.Duration `koanf:"batch_timeout" validate:"min=1ms,max=1m" doc:"longest time a finished span waits for its export"`
	QueueSize    int           `koanf:"queue_size" validate:"min=1,max=1000000" doc:"spans that may wait for export; more are dropped"`
}

// DefaultConfig exports nothing.
func DefaultConfig() Config {
	return Config{
		RuntimeMetrics: true,
		OTLP: OTLP{
			Timeout:      2 * time.Second,
			BatchTimeout: 500 * time.Millisecond,
			QueueSize:    2048,
		},
	}
}

// Validate checks the endpoint.
func (c Config) Validate() error {
	if c.OTLP.Endpoint == "" {
		return nil
	}
	if _, err := endpointURL(c.OTLP.Endpoint); err != nil {
		return config.Problem{Key: "otlp.endpoint", Value: c.OTLP.Endpoint, Rule: err.Error()}
	}
	return nil
}

var errEndpoint = errors.New("must be http://host:port, https://host:port or host:port")

// endpointURL is the endpoint as the URL that the exporter takes.
func endpointURL(endpoint string) (string, error) {
	if !strings.Contains(endpoint, "://") {
		endpoint = "http://" + endpoint
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" {
		return "", errEndpoint
	}
	if host, port, err := net.SplitHostPort(u.Host); err != nil || host == "" || port == "" {
		return "", errEndpoint
	}
	return u.String(), nil
}
