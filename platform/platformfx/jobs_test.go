package platformfx_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/fx"

	"example.com/baton/platform/scheduling"
	"example.com/baton/platform/scheduling/schedulingfx"
)

// clerk is the use case of the test service.
type clerk struct{}

func (clerk) closeOverdue(ctx context.Context) error {
	run, _ := scheduling.RunFromContext(ctx)
	fmt.Println("closing", run.ID, run.Trigger)
	return nil
}

func (clerk) fail(context.Context) error { return errors.New("no money") }

// jobs are the jobs of the test service.
var jobs = fx.Options(
	fx.Supply(clerk{}),
	schedulingfx.Job("close_overdue", scheduling.Every(5*time.Minute), clerk.closeOverdue),
	schedulingfx.Job("fail", scheduling.Cron("0 4 * * *", "Europe/Berlin"), clerk.fail),
)
