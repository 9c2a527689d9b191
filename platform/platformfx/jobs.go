package platformfx

import (
	"context"
	"fmt"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/fx"

	"example.com/baton/platform/config"
	"example.com/baton/platform/election"
	"example.com/baton/platform/scheduling"
	"example.com/baton/platform/scheduling/schedulingotel"
)

// jobInfo is a line of the command jobs.
type jobInfo struct {
	Name     string    `json:"name"`
	Schedule string    `json:"schedule"`
	Next     time.Time `json:"next,omitzero"`
	Group    string    `json:"group"`
	Timeout  string    `json:"timeout,omitempty"`
	Delivery string    `json:"delivery"`
	CatchUp  string    `json:"catch_up"`
	Overlap  string    `json:"overlap"`
}

func describeJob(j scheduling.Job, now time.Time) jobInfo {
	info := jobInfo{
		Name: j.Name, Schedule: j.Schedule.String(), Next: j.Schedule.Next(now), Group: j.Group,
		Delivery: j.Delivery.String(), CatchUp: j.CatchUp.String(), Overlap: j.Overlap.String(),
	}
	if j.Timeout > 0 {
		info.Timeout = j.Timeout.String()
	}
	return info
}

func (p *process) jobsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "jobs",
		Short:   "List the jobs and when each is due next",
		Long:    "List the jobs as they are configured and when each is due next. Nothing is started or asked over the network.",
		Example: p.examples("jobs", "jobs --json"),
		Args:    cobra.NoArgs,
	}
	asJSON := cmd.Flags().Bool("json", false, "print JSON")
	cmd.RunE = p.run(func(*cobra.Command, []string) error {
		var registry *scheduling.Registry
		if _, err := p.build(fx.Options(p.opts...), fx.Populate(&registry)); err != nil {
			return err
		}
		infos := []jobInfo{}
		for _, j := range registry.Jobs() {
			infos = append(infos, describeJob(j, time.Now()))
		}
		if *asJSON {
			return printJSON(p.stdout, infos)
		}
		w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "JOB\tSCHEDULE\tNEXT\tGROUP\tMISSED\tOVERLAP")
		for _, i := range infos {
			next := "never"
			if !i.Next.IsZero() {
				next = i.Next.Format(time.RFC3339)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", i.Name, i.Schedule, next, i.Group, i.CatchUp, i.Overlap)
		}
		return w.Flush()
	})
	return cmd
}

func (p *process) runCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run <job>",
		Short: "Run a job once, here and now",
		Long: "Run a job once in this process, whatever its schedule says and whoever leads.\n" +
			"The run is not recorded and carries no fencing token: a store that is fenced refuses its writes\n" +
			"once a leader has written. It is meant for trying a job out.",
		Example: p.examples("run close_overdue", "run issue_invoices --due 2026-11-22T04:00:00Z"),
		Args:    cobra.ExactArgs(1),
	}
	due := cmd.Flags().String("due", "", "the `time` the run is for, as in 2026-11-22T04:00:00Z (default now)")
	cmd.RunE = p.run(func(cmd *cobra.Command, args []string) error {
		at := time.Now()
		if *due != "" {
			var err error
			if at, err = time.Parse(time.RFC3339, *due); err != nil {
				return &usageError{fmt.Errorf("--due %q: must be a time, as in 2026-11-22T04:00:00Z", *due)}
			}
		}
		return p.runOnce(cmd.Context(), args[0], at)
	})
	return cmd
}

func (p *process) runOnce(ctx context.Context, name string, due time.Time) (err error) {
	ctx, release := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer release()
	var (
		registry *scheduling.Registry
		spans    *schedulingotel.Telemetry
	)
	app, err := p.build(fx.Options(p.opts...), fx.Populate(&registry, &spans))
	if err != nil {
		return err
	}
	job, ok := registry.Job(name)
	if !ok {
		return &usageError{unknownJob(name, registry)}
	}
	if err := app.start(ctx); err != nil {
		return err
	}
	defer func() {
		if stopErr := app.stop(ctx); err == nil {
			err = stopErr
		}
	}()
	due = due.UTC().Truncate(time.Second)
	run := scheduling.Run{
		ID: scheduling.RunID(job.Name, due), Job: job.Name, Group: job.Group, Due: due, Attempt: 1,
		Trigger: scheduling.TriggerManual, Schedule: job.Schedule.String(),
		Term: election.Term{Group: job.Group, Leader: app.service.Instance},
	}
	handler := scheduling.Chain(scheduling.Handler(job.Run),
		spans.Middleware(),
		scheduling.Log(app.log),
		scheduling.Timeout(func(string) time.Duration { return job.Timeout }),
		scheduling.Recover(),
	)
	return handler(scheduling.ContextWithRun(ctx, run), run)
}

func unknownJob(name string, registry *scheduling.Registry) error {
	var names []string
	for _, j := range registry.Jobs() {
		names = append(names, j.Name)
	}
	if len(names) == 0 {
		return fmt.Errorf("no job %q: the service has no jobs", name)
	}
	if near := config.Nearest(name, names); near != "" {
		return fmt.Errorf("no job %q, did you mean %s?", name, near)
	}
	return fmt.Errorf("no job %q; the jobs are %s", name, strings.Join(names, ", "))
}
