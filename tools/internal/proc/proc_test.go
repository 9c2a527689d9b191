package proc_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"example.com/baton/tools/internal/proc"
)

// The test binary is its own child: BATON_PROC_CHILD says which part it plays.
func TestMain(m *testing.M) {
	switch os.Getenv("BATON_PROC_CHILD") {
	case "polite":
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGTERM)
		fmt.Println("ready")
		<-stop
		fmt.Println("bye")
		os.Exit(0)
	case "deaf":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("ready")
		select {}
	case "fails":
		fmt.Fprintln(os.Stderr, "no good")
		os.Exit(3)
	case "long line":
		fmt.Println(strings.Repeat("x", 1<<20))
		fmt.Println("after")
		os.Exit(0)
	case "parent":
		// A parent that is about to be killed: its child must go with it.
		g := proc.NewGroup()
		child, err := g.Start(proc.Spec{Path: os.Args[0], Env: play("deaf")})
		if err != nil {
			panic(err)
		}
		fmt.Println(child.Pid())
		select {}
	}
	goleak.VerifyTestMain(m)
}

func play(part string) []string { return append(os.Environ(), "BATON_PROC_CHILD="+part) }

// start runs the test binary in the given part and returns its lines.
func start(t *testing.T, g *proc.Group, part string) (*proc.Process, <-chan string) {
	t.Helper()
	lines := make(chan string, 16)
	p, err := g.Start(proc.Spec{Path: os.Args[0], Env: play(part), Line: func(l string) { lines <- l }})
	require.NoError(t, err)
	return p, lines
}

func next(t *testing.T, lines <-chan string) string {
	t.Helper()
	select {
	case l := <-lines:
		return l
	case <-time.After(20 * time.Second):
		require.FailNow(t, "no line from the child")
		return ""
	}
}

func TestStopAsksFirst(t *testing.T) {
	t.Parallel()
	g := proc.NewGroup()
	defer g.Close()
	p, lines := start(t, g, "polite")
	require.Equal(t, "ready", next(t, lines))

	exit, forced := p.Stop(t.Context(), 20*time.Second)
	require.False(t, forced)
	require.True(t, exit.OK(), exit.String())
	require.Equal(t, "bye", next(t, lines), "output after the signal must be delivered")
}

func TestStopKillsADeafChild(t *testing.T) {
	t.Parallel()
	g := proc.NewGroup()
	defer g.Close()
	p, lines := start(t, g, "deaf")
	require.Equal(t, "ready", next(t, lines))

	exit, forced := p.Stop(t.Context(), 10*time.Millisecond)
	require.True(t, forced)
	require.False(t, exit.OK())
}

func TestStopKillsAtOnceWhenTheContextEnds(t *testing.T) {
	t.Parallel()
	g := proc.NewGroup()
	defer g.Close()
	p, lines := start(t, g, "deaf")
	require.Equal(t, "ready", next(t, lines))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, forced := p.Stop(ctx, time.Hour)
	require.True(t, forced)
}

func TestCloseKillsWhatIsLeft(t *testing.T) {
	t.Parallel()
	g := proc.NewGroup()
	p, lines := start(t, g, "deaf")
	require.Equal(t, "ready", next(t, lines))
	g.Close()
	require.Equal(t, -1, p.Exit().Code())
	g.Close() // again, harmless

	_, err := g.Start(proc.Spec{Path: os.Args[0]})
	require.ErrorIs(t, err, proc.ErrClosed)
}

func TestExitCodeAndStandardError(t *testing.T) {
	t.Parallel()
	g := proc.NewGroup()
	defer g.Close()
	p, lines := start(t, g, "fails")
	require.Equal(t, 3, p.Exit().Code())
	require.Equal(t, "no good", next(t, lines))
	_, forced := p.Stop(t.Context(), 0)
	require.False(t, forced, "a process that has ended is not killed")
}

func TestALongLineIsCutAndTheNextOneIsRead(t *testing.T) {
	t.Parallel()
	g := proc.NewGroup()
	defer g.Close()
	_, lines := start(t, g, "long line")
	require.Less(t, len(next(t, lines)), 1<<17)
	require.Equal(t, "after", next(t, lines))
}

func TestStartNamesWhatCannotBeStarted(t *testing.T) {
	t.Parallel()
	g := proc.NewGroup()
	defer g.Close()
	_, err := g.Start(proc.Spec{Path: "/nonexistent/program"})
	require.ErrorContains(t, err, "/nonexistent/program")
}

func TestChildrenDieWithAKilledParent(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux kills the children of a killed process")
	}
	parent := exec.Command(os.Args[0])
	parent.Env = play("parent")
	out, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)

	require.NoError(t, parent.Process.Kill())
	_ = parent.Wait()
	require.Eventually(t, func() bool { return !running(pid) }, 20*time.Second, 10*time.Millisecond)
}

// running is false for a zombie too: whoever adopted the orphan may never collect it.
func running(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}
