package scheduling_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"example.com/baton/platform/scheduling"
)

func ExampleEvery() {
	s := scheduling.Every(5 * time.Minute)
	at := time.Date(2026, 11, 22, 10, 2, 17, 0, time.UTC)
	for range 3 {
		at = s.Next(at)
		fmt.Println(at)
	}
	// Output:
	// 2026-11-22 10:05:00 +0000 UTC
	// 2026-11-22 10:10:00 +0000 UTC
	// 2026-11-22 10:15:00 +0000 UTC
}

// On 29 March 2026 there is no 02:30 in Berlin: the job is due when the clocks
// are set forwards, and at 02:30 again on the day after.
func ExampleCron() {
	s := scheduling.Cron("30 2 * * *", "Europe/Berlin")
	at := time.Date(2026, 3, 28, 0, 0, 0, 0, time.UTC)
	for range 3 {
		at = s.Next(at)
		fmt.Println(at.In(s.Location()))
	}
	// Output:
	// 2026-03-28 02:30:00 +0100 CET
	// 2026-03-29 03:00:00 +0200 CEST
	// 2026-03-30 02:30:00 +0200 CEST
}

func ExampleAt() {
	s := scheduling.At(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
	fmt.Println(s.Next(time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)))
	fmt.Println(s.Next(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero())
	// Output:
	// 2027-01-01 00:00:00 +0000 UTC
	// true
}

// A replica comes back after five and a half hours in which nobody led.
func ExampleCatchUp_Consider() {
	hourly := scheduling.Every(time.Hour)
	after := time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)
	now := time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)
	for _, policy := range []scheduling.CatchUp{
		scheduling.SkipMissed(),
		scheduling.LatestMissed(24 * time.Hour),
		scheduling.AllMissed(2 * time.Hour),
	} {
		todo := policy.Consider(hourly, after, now)
		fmt.Printf("%s: %d skipped", policy, todo.Missed.Count)
		for _, o := range todo.Run {
			fmt.Printf(", run %s (%s)", o.Due.Format("15:04"), o.Trigger)
		}
		fmt.Println()
	}
	// Output:
	// skip: 5 skipped
	// latest within 24h: 4 skipped, run 09:00 (catchup)
	// all within 2h: 3 skipped, run 08:00 (catchup), run 09:00 (catchup)
}

// All problems of all jobs are reported at once.
func ExampleNewRegistry() {
	_, err := scheduling.NewRegistry(nil,
		scheduling.Job{Name: "close_overdue", Schedule: scheduling.Every(500 * time.Millisecond)},
		scheduling.Job{Name: "issue_invoices", Schedule: scheduling.Cron("0 4 * * *", "Berlin"), Group: "mail"},
	)
	fmt.Println(err)
	// Output:
	// job "close_overdue": every "500ms": must be at least 1s
	// job "issue_invoices": zone "Berlin": must be a name from the IANA database, such as Europe/Berlin
	// job "issue_invoices": group "mail": must be one of the service's groups (default)
}

// What a job writes is keyed by the run and fenced by the token of the term.
func ExampleRunFromContext() {
	write := func(ctx context.Context) {
		if run, ok := scheduling.RunFromContext(ctx); ok {
			fmt.Println("idempotency key", run.ID)
			fmt.Println("fencing token", run.Term.Token)
		}
	}

	run := scheduling.Run{Job: "close_overdue", Due: time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)}
	run.ID, run.Term.Token = scheduling.RunID(run.Job, run.Due), 42
	write(scheduling.ContextWithRun(context.Background(), run))
	// Output:
	// idempotency key close_overdue@20261122T050000Z
	// fencing token 42
}

func ExampleChain() {
	log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			switch a.Key {
			case slog.MessageKey, "job", "result", "error":
				return a
			}
			return slog.Attr{}
		},
	}))
	job := func(context.Context, scheduling.Run) error { panic("index out of range") }
	handler := scheduling.Chain(job, scheduling.Log(log), scheduling.Recover())
	_ = handler(context.Background(), scheduling.Run{Job: "close_overdue"})
	// Output:
	// msg="run started" job=close_overdue
	// msg="run finished" job=close_overdue result=failure error="panic: index out of range"
}
