package e2e

import (
	"bufio"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/baton/tools/internal/fleet"
)

// A fleet that has nothing to do must not make etcd write: keeping leases alive, watching and
// leading are free, and the disks of an etcd shared by many services show it.
func TestAnIdleFleetCausesNoRaftProposals(t *testing.T) {
	gate(t)
	b := newBench(t)
	// Far away rather than disabled: a group without jobs has no leader.
	startFleet(t, b, "BILLING_JOBS__CLOSE_OVERDUE__EVERY=8760h", "BILLING_JOBS__ISSUE_INVOICES__CRON=0 0 1 1 *")
	b.wait(t, 0, fleet.Msg(fleet.TermStarted))

	// The beginning writes: members, owners, jobs, and a group that moves to where it belongs.
	before, settled := proposals(t, b), time.After(time.Minute)
	for quiet := 0; quiet < 2; {
		select {
		case <-time.After(time.Second):
		case <-settled:
			require.FailNow(t, "the fleet does not settle")
		}
		now := proposals(t, b)
		if quiet++; now != before {
			quiet = 0
		}
		before = now
	}

	// A measurement takes its time: longer than a lease, so that it spans several renewals.
	const watched = 12 * time.Second
	<-time.After(watched)
	require.Equal(t, before, proposals(t, b), "raft proposals within %s of idleness", watched)
	stopCleanly(t, b)
}

// proposals reads etcd's own counter.
func proposals(t *testing.T, b *bench) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://%s/metrics", b.etcd.Endpoints()[0]), nil)
	require.NoError(t, err)
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), "etcd_server_proposals_committed_total "); ok {
			n, err := strconv.ParseFloat(value, 64)
			require.NoError(t, err)
			return int(n)
		}
	}
	require.FailNow(t, "etcd has no etcd_server_proposals_committed_total")
	return 0
}
