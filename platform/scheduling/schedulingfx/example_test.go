package schedulingfx_test

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/fx"

	"example.com/baton/platform/config"
	"example.com/baton/platform/config/configfx"
	"example.com/baton/platform/scheduling"
	"example.com/baton/platform/scheduling/schedulingfx"
)

// InvoiceIssuer is a port of the application: one method per job.
type InvoiceIssuer interface {
	IssueInvoices(ctx context.Context, day time.Time) error
}

type issuer struct{}

func (issuer) IssueInvoices(_ context.Context, day time.Time) error {
	fmt.Println("invoices of", day.Format("Monday, 2 January 2006"))
	return nil
}

// A job is a method of a port, and its name and schedule. The configuration may
// change the schedule; the due time comes in the zone of whichever it is.
func ExampleJobAt() {
	jobs := schedulingfx.JobAt("issue_invoices", scheduling.Cron("0 0 * * *", "Europe/Berlin"), InvoiceIssuer.IssueInvoices,
		schedulingfx.CatchUp(scheduling.AllMissed(7*24*time.Hour)))

	var registry *scheduling.Registry
	app := fx.New(fx.NopLogger,
		configfx.Load(config.Input{Service: "billing"}), // of a service, platformfx.Main does this
		schedulingfx.Module,
		jobs,
		fx.Provide(func() InvoiceIssuer { return issuer{} }),
		fx.Populate(&registry),
	)
	if err := app.Err(); err != nil {
		fmt.Println(err)
		return
	}
	job, _ := registry.Job("issue_invoices")
	due := job.Schedule.Next(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	fmt.Println("due", due)
	_ = job.Run(context.Background(), scheduling.Run{Due: due})
	// Output:
	// due 2026-11-22 23:00:00 +0000 UTC
	// invoices of Monday, 23 November 2026
}
