// Command chaos runs faults against fleets of its own and prints what they broke. It exits with 1 when anything was.
//
//	go run ./tools/chaos/cmd/chaos --faults all --rounds 5 --ttl 10s --etcd 3
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"example.com/baton/tools/chaos"
	"example.com/baton/tools/chaos/lab"
	"example.com/baton/tools/internal/proc"
)

// Exit codes.
const (
	exitBroken = 1 // a promise was broken, or a fault could not be done
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

type options struct {
	faults, logs string
	cfg          chaos.Config
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.faults, "faults", "all", "all, short, or names separated by commas")
	flags.StringVar(&o.logs, "logs", "", "directory for the logs of replicas whose terms overlapped, or that broke something else")
	flags.IntVar(&o.cfg.Rounds, "rounds", 3, "rounds of each fault")
	flags.IntVar(&o.cfg.Members, "etcd", 1, "members of etcd, 1 or 3")
	flags.IntVar(&o.cfg.Jobs, "jobs", 5, "jobs, each due every second")
	flags.IntVar(&o.cfg.Groups, "groups", 1, "election groups over which the jobs are spread; faults are done to the leader of the first")
	flags.DurationVar(&o.cfg.TTL, "ttl", 3*time.Second, "lease time of the replicas, whole seconds")
	flags.DurationVar(&o.cfg.Pulse, "pulse", 0, "how often a leader shows that it lives; 0: by its lease alone")
	flags.DurationVar(&o.cfg.PulseTimeout, "pulse-timeout", 0, "how long it may fail to before it is replaced")
	flags.BoolVar(&o.cfg.NoTakeover, "no-takeover", false, "learn crashes from leases alone")
	list := flags.Bool("list", false, "list the faults")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return exitUsage
	}
	if *list {
		for _, f := range chaos.Faults {
			fmt.Fprintf(stdout, "%-14s %s\n", f.Name, f.Does)
		}
		return 0
	}
	names := strings.Split(o.faults, ",")
	if o.faults == "short" {
		names = chaos.Short
	}
	faults, err := chaos.Select(names...)
	if err != nil {
		fmt.Fprintln(stderr, "chaos:", err)
		return exitUsage
	}
	broken, err := o.run(ctx, faults, stdout, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "chaos:", err)
	}
	if broken || err != nil {
		return exitBroken
	}
	return 0
}

// run prints the table of what was done, even when not all of it could be.
func (o options) run(ctx context.Context, faults []chaos.Fault, stdout, stderr io.Writer) (broken bool, err error) {
	dir, err := os.MkdirTemp("", "chaos-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	o.cfg.Group = proc.NewGroup()
	defer o.cfg.Group.Close()
	o.cfg.Dir, o.cfg.Progress = dir, stderr
	if o.cfg.Binaries, err = lab.Build(ctx, o.cfg.Group, dir); err != nil {
		return false, err
	}
	var results []chaos.Result
	for _, f := range faults {
		if f.Members > o.cfg.Members {
			fmt.Fprintf(stderr, "%s: skipped, it needs %d members of etcd\n", f.Name, f.Members)
			continue
		}
		result, failed := chaos.Run(ctx, o.cfg, f)
		if failed != nil {
			err = failed
			break
		}
		results = append(results, result)
		for _, v := range result.Violations {
			fmt.Fprintf(stderr, "%s: BROKEN: %s\n", f.Name, v)
			broken = true
		}
		if f.ByHand {
			for _, overlap := range result.Report.Overlaps {
				fmt.Fprintf(stderr, "%s: not promised: %s\n", f.Name, overlap)
			}
		}
		if len(result.Violations)+len(result.Report.Overlaps) > 0 {
			o.keep(result, stderr)
		}
	}
	return broken, errors.Join(err, chaos.WriteTable(stdout, results))
}

// keep writes the log of a result where somebody can read it.
func (o options) keep(r chaos.Result, stderr io.Writer) {
	if o.logs == "" {
		return
	}
	var text strings.Builder
	for _, rec := range r.Log {
		fmt.Fprintln(&text, rec.Source, rec.Line)
	}
	file := filepath.Join(o.logs, fmt.Sprintf("%s-%d.log", r.Fault.Name, o.cfg.Members))
	if err := errors.Join(os.MkdirAll(o.logs, 0o755), os.WriteFile(file, []byte(text.String()), 0o644)); err != nil {
		fmt.Fprintln(stderr, "chaos:", err)
		return
	}
	fmt.Fprintln(stderr, "log:", file)
}
