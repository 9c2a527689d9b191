//go:build linux

package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/baton/tools/internal/fleet"
	"example.com/baton/tools/internal/proc"
)

// console is a `baton up` that runs as a user would run it.
type console struct {
	process *proc.Process
	lines   *fleet.Journal
	temp    string
}

// batonUp builds the real binary and starts it with a temporary directory of its own.
func batonUp(t *testing.T, b *bench, args ...string) *console {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "baton")
	build, err := b.group.Start(proc.Spec{
		Path: "go", Args: []string{"build", "-o", binary, "./tools/cmd/baton"}, Dir: b.root,
		Line: func(l string) { t.Log(l) },
	})
	require.NoError(t, err)
	require.True(t, build.Exit().OK())

	c := &console{lines: b.journal, temp: t.TempDir()}
	c.process, err = b.group.Start(proc.Spec{
		Path: binary, Args: append([]string{"up", "--only", "billing"}, args...), Dir: b.root,
		Env:  append(os.Environ(), "TMPDIR="+c.temp),
		Line: func(l string) { c.lines.Add("baton", l) },
	})
	require.NoError(t, err)
	return c
}

// see waits for a line of the output.
func (c *console) see(t *testing.T, b *bench, pattern string) []string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	found := b.wait(t, 0, func(r fleet.Record) bool { return re.MatchString(r.Line) })
	return re.FindStringSubmatch(found.Line)
}

var loopback = regexp.MustCompile(`127\.0\.0\.1:\d+`)

// addresses are all that the output mentions.
func (c *console) addresses() map[string]bool {
	found := make(map[string]bool)
	for _, r := range c.lines.Since(0) {
		for _, a := range loopback.FindAllString(r.Line, -1) {
			found[a] = true
		}
	}
	return found
}

// children returns the processes whose parent is pid.
func children(t *testing.T, pid int) []int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	require.NoError(t, err)
	var found []int
	for _, e := range entries {
		child, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if f := stat(child); len(f) > 1 && f[1] == strconv.Itoa(pid) {
			found = append(found, child)
		}
	}
	return found
}

// stat returns the state, the parent and what follows of a process, nothing when it is gone.
func stat(pid int) []string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	return strings.Fields(string(data[strings.LastIndex(string(data), ")")+1:]))
}

// alive is false for a zombie: nobody may ever collect an orphan in a container.
func alive(pid int) bool {
	f := stat(pid)
	return len(f) > 0 && f[0] != "Z"
}

// requireGone polls: the threads of a killed process, and with them its sockets, end a moment after
// the process is a zombie.
func requireGone(t *testing.T, c *console, pids []int) {
	t.Helper()
	var left []string
	require.Eventually(t, func() bool {
		left = nil
		for _, pid := range pids {
			if alive(pid) {
				left = append(left, fmt.Sprintf("process %d", pid))
			}
		}
		for address := range c.addresses() {
			if conn, err := net.Dial("tcp", address); err == nil {
				conn.Close()
				left = append(left, address)
			}
		}
		return len(left) == 0
	}, 20*time.Second, 50*time.Millisecond)
	require.Empty(t, left)
}

func TestBatonUpAsAUser(t *testing.T) {
	gate(t)
	b := newBench(t)
	c := batonUp(t, b)
	c.see(t, b, `Baton is up: 3 replicas of billing`)
	c.see(t, b, `★ leads`)
	link := c.see(t, b, `the first run can be looked at: (\S+) → (http://\S+)`)

	page := get(t, link[2])
	require.Contains(t, page, "<svg")
	require.Contains(t, page, link[1])

	pids := children(t, c.process.Pid())
	require.Len(t, pids, 4, "three replicas and Jaeger")
	c.process.Signal(os.Interrupt)
	select {
	case <-c.process.Done():
	case <-time.After(time.Minute):
		require.FailNow(t, "does not stop")
	}
	require.True(t, c.process.Exit().OK(), c.process.Exit().String())
	requireGone(t, c, pids)
	left, err := os.ReadDir(c.temp)
	require.NoError(t, err)
	require.Empty(t, left, "temporary files are left")
}

func TestTheFleetDiesWithAKilledBaton(t *testing.T) {
	gate(t)
	b := newBench(t)
	c := batonUp(t, b, "--jaeger", "off")
	c.see(t, b, `Baton is up`)
	pids := children(t, c.process.Pid())
	require.Len(t, pids, 3)
	c.process.Signal(syscall.SIGKILL)
	<-c.process.Done()
	requireGone(t, c, pids)
}

func TestAHangingReplicaDoesNotKeepBatonFromStopping(t *testing.T) {
	gate(t)
	b := newBench(t)
	c := batonUp(t, b, "--jaeger", "off", "--replicas", "1")
	c.see(t, b, `Baton is up`)
	pids := children(t, c.process.Pid())
	require.Len(t, pids, 1)
	require.NoError(t, syscall.Kill(pids[0], syscall.SIGSTOP))
	c.process.Signal(os.Interrupt)
	c.see(t, b, `stopping`)
	c.process.Signal(os.Interrupt) // a user does not wait for the whole grace
	select {
	case <-c.process.Done():
	case <-time.After(30 * time.Second):
		require.FailNow(t, "does not stop")
	}
	require.True(t, c.process.Exit().OK())
	c.see(t, b, `did not stop and was killed`)
	requireGone(t, c, pids)
}

func get(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(body)
}
