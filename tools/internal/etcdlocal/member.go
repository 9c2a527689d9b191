package etcdlocal

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

var errPortTaken = errors.New("a port is in use")

// portError marks the one error of etcd that another try can cure.
func portError(err error) error {
	if strings.Contains(err.Error(), "address already in use") {
		return fmt.Errorf("%w: %w", errPortTaken, err)
	}
	return err
}

func memberName(i int) string { return fmt.Sprintf("etcd-%d", i+1) }

func memberConfig(cfg Config, ports ports, i int, log *zap.Logger) *embed.Config {
	c := embed.NewConfig()
	c.Name = memberName(i)
	c.Dir = filepath.Join(cfg.Dir, c.Name)
	c.ListenClientUrls = loopback(ports.Client[i])
	c.AdvertiseClientUrls = c.ListenClientUrls
	c.ListenPeerUrls = loopback(ports.Peer[i])
	c.AdvertisePeerUrls = c.ListenPeerUrls
	var cluster []string
	for k := range cfg.Members {
		cluster = append(cluster, fmt.Sprintf("%s=http://127.0.0.1:%d", memberName(k), ports.Peer[k]))
	}
	c.InitialCluster = strings.Join(cluster, ",")
	c.InitialClusterToken = "baton"
	c.ZapLoggerBuilder = embed.NewZapLoggerBuilder(log)
	// Data that is thrown away at the end need not survive a power cut.
	c.UnsafeNoFsync = !cfg.Keep
	// The fleet's history is short; without this a kept data directory grows for ever.
	c.AutoCompactionMode, c.AutoCompactionRetention = embed.CompactorModeRevision, "10000"
	if cfg.TraceAddress != "" {
		// A rate of 0 still records requests that come with a sampled parent.
		c.EnableDistributedTracing = true
		c.DistributedTracingAddress = cfg.TraceAddress
		c.DistributedTracingServiceInstanceID = c.Name
		c.DistributedTracingSamplingRatePerMillion = 0
	}
	return c
}

func loopback(port int) []url.URL {
	return []url.URL{{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", port)}}
}

// newLogger hands warnings and worse to log. etcd's own format is made for machines.
func newLogger(log func(level, msg string), quiet *atomic.Bool) *zap.Logger {
	if log == nil {
		return zap.NewNop()
	}
	return zap.New(sink{log: log, quiet: quiet})
}

// sink is a zapcore.Core that renders an entry as one line of text.
type sink struct {
	log   func(level, msg string)
	quiet *atomic.Bool
}

var _ zapcore.Core = sink{}

func (s sink) Enabled(l zapcore.Level) bool        { return l >= zapcore.WarnLevel && !s.quiet.Load() }
func (s sink) Sync() error                         { return nil }
func (s sink) With(_ []zapcore.Field) zapcore.Core { return s }

func (s sink) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if s.Enabled(e.Level) {
		return ce.AddCore(e, s)
	}
	return ce
}

func (s sink) Write(e zapcore.Entry, fields []zapcore.Field) error {
	enc := zapcore.NewMapObjectEncoder()
	for _, f := range fields {
		f.AddTo(enc)
	}
	var b strings.Builder
	b.WriteString(e.Message)
	if cause, ok := enc.Fields["error"]; ok {
		fmt.Fprintf(&b, ": %v", cause)
	}
	s.log(e.Level.CapitalString(), b.String())
	return nil
}
