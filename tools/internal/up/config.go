package up

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"example.com/baton/tools/internal/console"
)

// What Config.Jaeger may be besides the URL of a query API.
const (
	JaegerAuto = "auto" // build it once, run it
	JaegerOff  = "off"  // no traces
)

// Config says what to bring up.
type Config struct {
	Dir             string        // somewhere in the repository
	Only            []string      // services; empty: all
	Replicas        int           // of each service
	EtcdMembers     int           // 1 or 3
	Jaeger          string        // JaegerAuto, JaegerOff or the URL of a query API
	OTLP            string        // host:port of that Jaeger's OTLP/gRPC receiver; empty: its host, port 4317
	KillLeaderEvery time.Duration // 0: never
	Data            string        // directory to keep data in; empty: a temporary one
	Report          func(console.Event)
}

// Validate reports everything that is wrong with the configuration.
func (c Config) Validate() error {
	var errs []error
	if c.Replicas < 1 || c.Replicas > 20 {
		errs = append(errs, fmt.Errorf("--replicas %d: must be 1 to 20", c.Replicas))
	}
	if c.EtcdMembers != 1 && c.EtcdMembers != 3 {
		errs = append(errs, fmt.Errorf("--etcd %d: must be 1 or 3", c.EtcdMembers))
	}
	if c.KillLeaderEvery != 0 && c.KillLeaderEvery < time.Second {
		errs = append(errs, fmt.Errorf("--kill-leader-every %s: must be at least 1s", c.KillLeaderEvery))
	}
	if c.KillLeaderEvery != 0 && c.Replicas < 2 {
		errs = append(errs, errors.New("--kill-leader-every: needs at least --replicas 2, or nobody can take over"))
	}
	if c.Jaeger != JaegerAuto && c.Jaeger != JaegerOff {
		if u, err := url.Parse(c.Jaeger); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			errs = append(errs, fmt.Errorf(`--jaeger %q: must be "auto", "off" or the URL of a query API, as in http://127.0.0.1:16686`, c.Jaeger))
		}
	} else if c.OTLP != "" {
		errs = append(errs, errors.New("--otlp: needs --jaeger URL"))
	}
	return errors.Join(errs...)
}

// external reports whether Jaeger runs elsewhere.
func (c Config) external() bool { return c.Jaeger != JaegerAuto && c.Jaeger != JaegerOff }

// otlpTarget is where an external Jaeger takes spans.
func (c Config) otlpTarget() string {
	if c.OTLP != "" {
		return c.OTLP
	}
	u, err := url.Parse(c.Jaeger)
	if err != nil {
		return ""
	}
	return u.Hostname() + ":4317"
}
