package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"

	"example.com/baton/platform/election"
	"example.com/baton/platform/election/etcdelection"
	"example.com/baton/platform/etcdclient"
	"example.com/baton/tools/chaos/lab"
)

// idleCost looks at what a fleet with a leader asks of etcd while nothing happens.
func (b *bench) idleCost(ctx context.Context, members int) error {
	for _, r := range []recipe{baton, plain} {
		proposals, renewals, err := b.idleOf(ctx, members, r)
		if err != nil {
			return fmt.Errorf("idle, %s: %w", r.name, err)
		}
		b.rows = append(b.rows,
			row{"idle, raft proposals per second, " + r.name, members, 1, rate(proposals), "–", ""},
			row{"idle, renewals per second, " + r.name, members, 1, rate(renewals), "–", ""})
	}
	return nil
}

func rate(perSecond float64) string { return strconv.FormatFloat(perSecond, 'f', 2, 64) }

func (b *bench) idleOf(ctx context.Context, members int, r recipe) (proposals, renewals float64, err error) {
	b.sayf("%s, %d members of etcd: idle for %s", r.name, members, b.idle)
	l, err := b.start(ctx, members, r)
	if err != nil {
		return 0, 0, err
	}
	defer l.Close()
	if _, err := b.leader(ctx, l); err != nil {
		return 0, 0, err
	}
	if err := lab.Pause(ctx, 3*time.Second); err != nil {
		return 0, 0, err
	}
	index, renewed, err := counters(ctx, l)
	if err != nil {
		return 0, 0, err
	}
	from := time.Now()
	if err := lab.Pause(ctx, b.idle); err != nil {
		return 0, 0, err
	}
	index2, renewed2, err := counters(ctx, l)
	seconds := time.Since(from).Seconds()
	return float64(index2-index) / seconds, (renewed2 - renewed) / seconds, err
}

// counters are the index of the raft log, and the renewals that the members answered.
func counters(ctx context.Context, l *lab.Lab) (index uint64, renewed float64, err error) {
	for _, endpoint := range l.Etcd.Endpoints() {
		status, err := l.Etcd.Client.Status(ctx, endpoint)
		if err != nil {
			return 0, 0, err
		}
		index = max(index, status.RaftIndex)
		n, err := metric(ctx, endpoint, "etcd_debugging_lease_renewed_total")
		if err != nil {
			return 0, 0, err
		}
		renewed += n
	}
	return index, renewed, nil
}

func metric(ctx context.Context, endpoint, name string) (float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+endpoint+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("etcd at %s has no metric %s", endpoint, name)
}

// checks measures what it costs to ask whether one still leads.
func (b *bench) checks(ctx context.Context) error {
	l, err := b.start(ctx, 1, baton)
	if err != nil {
		return fmt.Errorf("checks: %w", err)
	}
	defer l.Close()
	cfg := etcdclient.DefaultConfig()
	cfg.Endpoints = l.Etcd.Endpoints()
	client, err := etcdclient.New(cfg, nil, nil)
	if err != nil {
		return fmt.Errorf("checks: %w", err)
	}
	defer client.Close()
	elector, err := etcdelection.New(client, etcdelection.Config{Base: base, Instance: "checks", TTL: b.ttl})
	if err != nil {
		return fmt.Errorf("checks: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- elector.Run(ctx) }()
	// A group that nobody else campaigns for.
	err = elector.Lead(ctx, "checks", func(term context.Context, _ election.Term) {
		tenure := election.Tenure(term)
		b.cost("Tenure.Err", tenure.Err)
		b.cost("ctx.Err of the term", term.Err)
		cancel()
	})
	cancel()
	if ended := <-done; err == nil {
		err = ended
	}
	return err
}

// cost measures one call of f, and what it allocates.
func (b *bench) cost(what string, f func() error) {
	const n = 20_000_000
	var before, after runtime.MemStats
	var sink error
	runtime.ReadMemStats(&before)
	from := time.Now()
	for range n {
		if err := f(); err != nil {
			sink = err
		}
	}
	took := time.Since(from)
	runtime.ReadMemStats(&after)
	median := fmt.Sprintf("%.1f ns, %d allocations", float64(took.Nanoseconds())/n, (after.Mallocs-before.Mallocs)/n)
	if sink != nil {
		median = "lost its lead: " + sink.Error()
	}
	b.rows = append(b.rows, row{what: "check of leadership, " + what, members: 1, rounds: n, median: median, worst: "–"})
	b.sayf("%s: %s", what, median)
}
