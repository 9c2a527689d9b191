package lifecyclefx_test

import (
	"context"
	"fmt"

	"go.uber.org/fx"

	"example.com/baton/platform/lifecyclefx"
)

type scheduler struct{}

func (scheduler) Run(ctx context.Context) error {
	<-ctx.Done()
	fmt.Println("scheduler ends:", context.Cause(ctx))
	return nil
}

func ExampleGo() {
	app := fx.New(
		fx.NopLogger,
		lifecyclefx.Module,
		fx.Supply(scheduler{}),
		fx.Invoke(func(loops *lifecyclefx.Loops, s scheduler) { lifecyclefx.Go(loops, "scheduler", s.Run) }),
	)
	fmt.Println("start:", app.Start(context.Background()))
	fmt.Println("stop:", app.Stop(context.Background()))
	// Output:
	// start: <nil>
	// scheduler ends: app is stopping
	// stop: <nil>
}
