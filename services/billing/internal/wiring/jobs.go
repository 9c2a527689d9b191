package wiring

import (
	"time"

	"go.uber.org/fx"

	"example.com/baton/platform/scheduling"
	"example.com/baton/platform/scheduling/schedulingfx"
	"example.com/baton/services/billing/internal/app"
)

// Jobs are the jobs of billing: a name, when it is due, and the port that does it.
//
// issue_invoices runs on Saturdays too: at four in the morning in Berlin it is still Friday in America. It catches up
// on every missed day of a week, in order, so that each invoice is dated as it would have been. After a longer outage
// the periods of the days before are invoiced by the first run, and dated then.
var Jobs = fx.Options(
	schedulingfx.Job("close_overdue", scheduling.Every(5*time.Minute), app.OverdueCloser.CloseOverdue),
	schedulingfx.JobAt("issue_invoices", scheduling.Cron("0 4 * * *", "Europe/Berlin"), app.InvoiceIssuer.IssueInvoices,
		schedulingfx.CatchUp(scheduling.AllMissed(7*24*time.Hour))),
	// scaffold:jobs
)
