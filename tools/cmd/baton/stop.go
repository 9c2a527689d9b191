package main

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// orphanPoll is how soon the end of `go run` is noticed.
const orphanPoll = 500 * time.Millisecond

// stopSignals returns a context that the first signal ends and one that the second signal ends.
// Two more things count as a first signal: a closed output, as nobody is watching any more, and the
// end of the `go run` that started this process, which does not pass a SIGTERM on.
func stopSignals() (ctx, hurry context.Context, release func()) {
	ctx, stop := context.WithCancel(context.Background())
	hurry, now := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)

	var watchers sync.WaitGroup
	watchers.Go(func() {
		for s := range signals {
			if ctx.Err() != nil && s != syscall.SIGPIPE {
				now()
			}
			stop()
		}
	})
	if startedByGoRun() {
		watchers.Go(func() { awaitOrphaned(ctx, os.Getppid(), stop) })
	}
	return ctx, hurry, func() {
		signal.Stop(signals)
		close(signals)
		stop()
		now()
		watchers.Wait()
	}
}

// startedByGoRun tells by the place: `go run` executes what it has built below go-build….
func startedByGoRun() bool {
	self, err := os.Executable()
	return err == nil && strings.Contains(filepath.ToSlash(self), "/go-build")
}

// awaitOrphaned calls stop when the parent process is no longer the given one.
func awaitOrphaned(ctx context.Context, parent int, stop func()) {
	tick := time.NewTicker(orphanPoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if os.Getppid() != parent {
				stop()
			}
		}
	}
}
