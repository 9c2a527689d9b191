package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/cenkalti/backoff/v5"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"example.com/baton/tools/internal/fleet"
	"example.com/baton/tools/internal/proc"
)

const (
	readyWithin = 30 * time.Second
	stopWithin  = 20 * time.Second
)

// Etcd is a cluster whose members are processes of their own, which write to the
// disk as they do in production.
type Etcd struct {
	Members []*Member
	Client  *clientv3.Client // of the tools, not of the replicas
}

// Member is one process of a cluster, and what it becomes when it is started again.
type Member struct {
	Endpoint string // for clients, host:port; the same after a restart

	group   *proc.Group
	spec    proc.Spec
	tail    *tail
	process *proc.Process
}

// StartEtcd runs n members and returns when all of them serve.
func StartEtcd(ctx context.Context, g *proc.Group, binary, dir string, n int) (*Etcd, error) {
	peers, clients := make([]string, n), make([]string, n)
	cluster := make([]string, n)
	for i := range n {
		var err1, err2 error
		peers[i], err1 = fleet.FreeAddress()
		clients[i], err2 = fleet.FreeAddress()
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		cluster[i] = fmt.Sprintf("m%d=http://%s", i, peers[i])
	}
	e := &Etcd{}
	for i := range n {
		m := &Member{Endpoint: clients[i], group: g, tail: &tail{}}
		m.spec = proc.Spec{Path: binary, Env: os.Environ(), Line: m.tail.add, Args: []string{
			"--name", fmt.Sprintf("m%d", i),
			"--data-dir", filepath.Join(dir, fmt.Sprintf("m%d", i)),
			"--listen-client-urls", "http://" + clients[i],
			"--advertise-client-urls", "http://" + clients[i],
			"--listen-peer-urls", "http://" + peers[i],
			"--initial-advertise-peer-urls", "http://" + peers[i],
			"--initial-cluster", strings.Join(cluster, ","),
			"--initial-cluster-token", "chaos",
			"--log-level", "error",
		}}
		if err := m.Start(); err != nil {
			return nil, err
		}
		e.Members = append(e.Members, m)
	}
	client, err := clientv3.New(clientv3.Config{Endpoints: e.Endpoints(), DialTimeout: 5 * time.Second, Logger: zap.NewNop()})
	if err != nil {
		return nil, fmt.Errorf("client of etcd: %w", err)
	}
	e.Client = client
	if err := e.Ready(ctx); err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// Endpoints are the addresses of all members.
func (e *Etcd) Endpoints() []string {
	endpoints := make([]string, len(e.Members))
	for i, m := range e.Members {
		endpoints[i] = m.Endpoint
	}
	return endpoints
}

// Ready waits until every member that runs knows a leader and answers.
func (e *Etcd) Ready(ctx context.Context) error {
	for _, m := range e.Members {
		if m.process.Ended() {
			continue
		}
		answer := func() (*clientv3.StatusResponse, error) {
			if m.process.Ended() {
				return nil, backoff.Permanent(fmt.Errorf("member ended: %s", m.process.Exit()))
			}
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			status, err := e.Client.Status(ctx, m.Endpoint)
			if err == nil && status.Leader == 0 {
				err = errors.New("no leader")
			}
			return status, err
		}
		if _, err := backoff.Retry(ctx, answer, backoff.WithBackOff(backoff.NewConstantBackOff(20*time.Millisecond)), backoff.WithMaxElapsedTime(readyWithin)); err != nil {
			return fmt.Errorf("etcd at %s is not ready: %w\n%s", m.Endpoint, err, m.tail)
		}
	}
	return nil
}

// Leader returns the member that leads the cluster.
func (e *Etcd) Leader(ctx context.Context) (*Member, error) {
	for _, m := range e.Members {
		if m.process.Ended() {
			continue
		}
		status, err := e.Client.Status(ctx, m.Endpoint)
		if err != nil {
			return nil, fmt.Errorf("status of etcd at %s: %w", m.Endpoint, err)
		}
		if status.Leader == status.Header.MemberId {
			return m, nil
		}
	}
	return nil, errors.New("etcd has no leader")
}

// Close ends all members and the client.
func (e *Etcd) Close() {
	if e.Client != nil {
		e.Client.Close()
	}
	for _, m := range e.Members {
		m.Kill()
	}
}

// Start runs the member, on its data if it has any.
func (m *Member) Start() error {
	p, err := m.group.Start(m.spec)
	if err != nil {
		return err
	}
	m.process = p
	return nil
}

// Stop asks the member to end, and waits.
func (m *Member) Stop(ctx context.Context) { m.process.Stop(ctx, stopWithin) }

// Kill ends the member with SIGKILL, and waits.
func (m *Member) Kill() {
	m.process.Signal(syscall.SIGKILL)
	<-m.process.Done()
}
