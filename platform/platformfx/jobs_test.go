package platformfx_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/fx"

	"example.com/baton/platform/scheduling"
)

// jobsForTests are the jobs of the test service.
var jobsForTests = fx.Provide(func() (*scheduling.Registry, error) {
	return scheduling.NewRegistry(nil,
		scheduling.Job{
			Name: "close_overdue", Schedule: scheduling.Every(5 * time.Minute),
			Run: func(ctx context.Context, run scheduling.Run) error {
				own, _ := scheduling.RunFromContext(ctx)
				fmt.Println("closing", own.ID, run.Trigger)
				return nil
			},
		},
		scheduling.Job{
			Name: "fail", Schedule: scheduling.Cron("0 4 * * *", "Europe/Berlin"),
			Run: func(context.Context, scheduling.Run) error { return errors.New("no money") },
		},
	)
})
