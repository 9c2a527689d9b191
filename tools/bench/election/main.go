// Command election measures how fast leadership changes hands, and what it costs while nothing happens. Replicas and etcd
// are processes of their own, and etcd writes to the disk as in production; the baseline is etcd's own recipe
// (concurrency.Session and concurrency.Election), used as its documentation shows, in the same run.
//
//	go run ./tools/bench/election
//
// It prints Markdown. It judges nothing: a number beyond its target is printed as such, and the exit code is 0.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"example.com/baton/tools/chaos"
	"example.com/baton/tools/chaos/lab"
	"example.com/baton/tools/internal/proc"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), //nolint:forbidigo // the beginning of a program
		os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var b bench
	flags := flag.NewFlagSet("election", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.DurationVar(&b.ttl, "ttl", 10*time.Second, "lease time")
	flags.IntVar(&b.graceful, "graceful", 30, "graceful hand-overs of each kind")
	flags.IntVar(&b.kills, "kills", 50, "kills with crash takeover")
	flags.IntVar(&b.leaseKills, "lease-kills", 5, "kills that only the lease tells of, of each kind; each takes a TTL")
	flags.IntVar(&b.moves, "moves", 5, "graceful ends of a process that leads many groups")
	flags.IntVar(&b.groups, "groups", 200, "how many groups that is")
	flags.DurationVar(&b.idle, "idle", 20*time.Second, "how long an idle fleet is looked at")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	b.stderr = stderr
	if err := b.run(ctx); err != nil {
		fmt.Fprintln(stderr, "election:", err)
		b.print(stdout) // what there is
		return 1
	}
	b.print(stdout)
	return 0
}

// bench is one run of everything.
type bench struct {
	ttl, idle                                  time.Duration
	graceful, kills, leaseKills, moves, groups int
	stderr                                     io.Writer

	group    *proc.Group
	binaries lab.Binaries
	dir      string
	rows     []row
}

// row is one line of the table.
type row struct {
	what    string
	members int
	rounds  int
	median  string
	worst   string
	target  string
}

func (b *bench) run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b.dir, b.group = dir, proc.NewGroup()
	defer b.group.Close()
	if b.binaries, err = lab.Build(ctx, b.group, dir); err != nil {
		return err
	}
	for _, members := range []int{1, 3} {
		if err := errors.Join(b.handOver(ctx, members), b.crash(ctx, members)); err != nil {
			return err
		}
		if err := errors.Join(b.manyGroups(ctx, members), b.idleCost(ctx, members)); err != nil {
			return err
		}
	}
	return b.checks(ctx)
}

func (b *bench) sayf(format string, args ...any) { fmt.Fprintf(b.stderr, format+"\n", args...) }

func (b *bench) add(what string, members int, times []time.Duration, target string) {
	b.rows = append(b.rows, row{what, members, len(times), short(chaos.Median(times)), short(chaos.Max(times)), target})
	b.sayf("%s, %d members: median %s, max %s", what, members, short(chaos.Median(times)), short(chaos.Max(times)))
}

func (b *bench) print(w io.Writer) {
	fmt.Fprintf(w, "%s, %s/%s, %d CPUs%s; etcd in processes of its own, fsync on, loopback\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), model())
	t := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	fmt.Fprintln(t, "| what\t| members of etcd\t| rounds\t| median\t| max\t| target\t|")
	fmt.Fprintln(t, "|---\t|---\t|---\t|---\t|---\t|---\t|")
	for _, r := range b.rows {
		fmt.Fprintf(t, "| %s\t| %d\t| %d\t| %s\t| %s\t| %s\t|\n", r.what, r.members, r.rounds, r.median, r.worst, r.target)
	}
	t.Flush()
}

// model is the name of the processor, where the system tells it.
func model() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(info)) {
		if key, name, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return " (" + strings.TrimSpace(name) + ")"
		}
	}
	return ""
}

func short(d time.Duration) string {
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= 10*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	default:
		return d.Round(10 * time.Microsecond).String()
	}
}
