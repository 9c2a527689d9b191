package etcdlocal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

const (
	startTimeout = 30 * time.Second
	// portAttempts is how often the members get other ports when one they got was taken meanwhile.
	portAttempts = 5
)

// Config says which cluster to run. The zero value of everything but Dir is usable.
type Config struct {
	Dir     string // where the members keep their data, one directory each
	Members int    // 0 means 1
	Keep    bool   // the data outlives the process: sync every write to disk
	// TraceAddress is the host:port of an OTLP/gRPC receiver. etcd sends it the spans of requests
	// whose caller is sampled, and of nothing else. Empty: no traces.
	TraceAddress string
	// Log is called with what etcd has to say, warnings and worse. Nil discards it.
	Log func(level, msg string)
}

// Cluster is a running etcd.
type Cluster struct {
	members []*embed.Etcd
	log     *zap.Logger
	quiet   *atomic.Bool // no more log
}

// Start starts the members and returns when all of them can serve.
func Start(ctx context.Context, cfg Config) (*Cluster, error) {
	cfg.Members = max(cfg.Members, 1)
	for attempt := 1; ; attempt++ {
		quiet := new(atomic.Bool)
		log := newLogger(cfg.Log, quiet)
		ports, err := reservePorts(cfg)
		if err != nil {
			return nil, fmt.Errorf("start etcd: %w", err)
		}
		c, err := start(ctx, cfg, ports, &Cluster{log: log, quiet: quiet})
		if err == nil {
			if err = ports.keep(cfg.Dir); err == nil {
				return c, nil
			}
			c.Close()
		}
		if !errors.Is(err, errPortTaken) || attempt == portAttempts {
			return nil, fmt.Errorf("start etcd: %w%s", err, ports.advice(err))
		}
		if err := ports.forget(cfg); err != nil {
			return nil, fmt.Errorf("start etcd: %w", err)
		}
	}
}

// start fills c with running members, or closes those that run already.
func start(ctx context.Context, cfg Config, ports ports, c *Cluster) (*Cluster, error) {
	for i := range cfg.Members {
		member, err := embed.StartEtcd(memberConfig(cfg, ports, i, c.log))
		if err != nil {
			c.Close()
			return nil, portError(err)
		}
		c.members = append(c.members, member)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout,
		fmt.Errorf("not ready to serve within %s", startTimeout))
	defer cancel()
	for _, m := range c.members {
		select {
		case <-m.Server.ReadyNotify():
		case err := <-m.Err():
			c.Close()
			return nil, portError(err)
		case <-ctx.Done():
			c.Close()
			return nil, context.Cause(ctx)
		}
	}
	return c, nil
}

// Endpoints returns the client addresses of the members, host:port.
func (c *Cluster) Endpoints() []string {
	endpoints := make([]string, len(c.members))
	for i, m := range c.members {
		endpoints[i] = m.Clients[0].Addr().String()
	}
	return endpoints
}

// Client returns a new client of the cluster, which the caller closes.
func (c *Cluster) Client() (*clientv3.Client, error) {
	return clientv3.New(clientv3.Config{
		Endpoints: c.Endpoints(), DialTimeout: 5 * time.Second, Logger: c.log,
	})
}

// Close stops the members and waits for them.
func (c *Cluster) Close() {
	c.quiet.Store(true) // etcd reports every listener it closes as an error
	// One after the other and the leader last: a leader that stops while the others are stopping
	// spends seconds on handing its leadership to one of them.
	isLeader := func(m *embed.Etcd) int {
		if m.Server.Leader() == m.Server.MemberID() {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(c.members, func(a, b *embed.Etcd) int { return isLeader(a) - isLeader(b) })
	for _, m := range c.members {
		m.Close()
	}
}
