package platformfx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/spf13/cobra"
	"go.uber.org/fx"

	"example.com/baton/platform/config"
	"example.com/baton/platform/config/configfx"
	"example.com/baton/platform/identity"
	"example.com/baton/platform/lifecyclefx"
	"example.com/baton/platform/telemetry"
)

func (p *process) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the service until it is told to stop (the default)",
		Long: "Run the service until SIGINT or SIGTERM. The first signal stops it gracefully, a second one at once.\n" +
			"The service exits with 0 after a graceful stop, with 1 after a failure, with 2 when it is configured wrongly.",
		Example: p.examples("serve", "serve --config production.yaml", "serve --http.address 127.0.0.1:9000"),
		Args:    cobra.NoArgs,
		RunE:    p.run(p.serve),
	}
}

func (p *process) serve(cmd *cobra.Command, _ []string) error {
	// From here on a signal must not kill the process half-way through its start.
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	stop, release := watch(signals, func() {
		fmt.Fprintf(p.stderr, "%s: second signal, stopping without cleaning up\n", p.name)
		os.Exit(exitFailure)
	})
	defer release()
	defer signal.Stop(signals)

	s, err := p.build(serving(p.opts))
	if err != nil {
		return err
	}
	return s.run(cmd.Context(), stop)
}

// watch closes stop at the first signal and calls abort at the second. release ends the watch.
func watch(signals <-chan os.Signal, abort func()) (stop <-chan struct{}, release func()) {
	first, released := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for _, act := range []func(){func() { close(first) }, abort} {
			select {
			case <-signals:
				act()
			case <-released:
				return
			}
		}
	})
	return first, func() {
		close(released)
		wg.Wait()
	}
}

// running is an app together with what its run needs from the graph.
type running struct {
	app      *fx.App
	log      *slog.Logger
	service  identity.Service
	loops    *lifecyclefx.Loops
	failure  *lifecyclefx.Failure
	spans    *telemetry.Telemetry
	shutdown Shutdown
}

// build loads the configuration and builds the app. opts is what the app has besides Module.
func (p *process) build(opts ...fx.Option) (*running, error) {
	values, err := p.load()
	if err != nil {
		return nil, p.invalid(values, err, opts)
	}
	var r running
	r.app = fx.New(
		configfx.Loaded(values),
		app(p.name),
		fx.Options(opts...),
		fx.Populate(&r.log, &r.service, &r.loops, &r.failure, &r.spans, &r.shutdown),
	)
	return &r, r.app.Err()
}

// invalid adds to what is wrong with the configuration what the graph knows to be wrong with it, such
// as a job that does not exist. Nothing is constructed but the checks.
func (p *process) invalid(values *config.Values, err error, opts []fx.Option) error {
	loaded, ok := errors.AsType[config.Problems](err)
	if !ok {
		return err
	}
	graph := fx.New(configfx.Loaded(values), app(p.name), fx.Options(opts...), fx.NopLogger).Err()
	// A check that itself needs a section in which something is wrong tells of that section alone.
	if all, ok := errors.AsType[config.Problems](graph); ok && len(all) > len(loaded) {
		return all
	}
	return err
}

// run starts the app, waits for stop, the death of a loop or an fx.Shutdowner, and stops it.
func (r *running) run(ctx context.Context, stop <-chan struct{}) error {
	if err := r.start(ctx); err != nil {
		return err
	}
	r.log.InfoContext(ctx, "service started",
		"service", r.service.Name, "instance", r.service.Instance, "version", r.service.Version)
	var ended fx.ShutdownSignal
	select {
	case <-stop:
	case ended = <-r.app.Wait():
	}
	r.log.InfoContext(ctx, "service stopping")
	err := r.stop(ctx)
	// The failure is the reason for stopping and so the last line.
	if failure := r.failure.Err(); failure != nil {
		return errors.Join(err, failure)
	}
	if ended.ExitCode != exitOK {
		return errors.Join(err, fmt.Errorf("shut down with exit code %d", ended.ExitCode))
	}
	return err
}

func (r *running) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	err := r.app.Start(ctx)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
		return fmt.Errorf("not started within %s: %w", startTimeout, err)
	}
	return err
}

func (r *running) stop(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	limited, cancel := context.WithTimeout(ctx, r.shutdown.Timeout)
	defer cancel()
	err := r.app.Stop(limited)
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	// fx gives up the remaining hooks when the time is up, and telemetry's is the last of them. What
	// the service did at its end is what somebody will want to see now.
	err = fmt.Errorf("not stopped within %s: still running: %s",
		r.shutdown.Timeout, strings.Join(r.loops.Running(), ", "))
	return errors.Join(r.spans.Shutdown(ctx), err)
}
