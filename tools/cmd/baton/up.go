package main

import (
	"os"

	"github.com/spf13/cobra"

	"example.com/baton/tools/internal/console"
	"example.com/baton/tools/internal/up"
)

func newUp() *cobra.Command {
	cfg := up.Config{}
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Run every service with etcd and Jaeger on this machine",
		Long: `Runs etcd, a real Jaeger and three replicas of every service, all on loopback and free ports,
with one log. Nothing needs to be installed but Go.

Jaeger is compiled the first time, in the background: this takes minutes, the fleet does not wait
for it, and the spans of the meantime are kept for it. Ctrl-C stops everything in order and leaves
nothing behind.

Exit codes: 0 stopped by Ctrl-C, 1 something could not be started, 2 wrong flags. "go run" itself
reports 1 after a Ctrl-C, whatever the program returns.`,
		Example: `  baton up
  baton up --only billing --replicas 5
  baton up --kill-leader-every 20s          see another replica take over
  baton up --etcd 3 --data .baton           three etcd members; keep the data for the next time
  baton up --jaeger off                     no traces
  baton up --jaeger http://127.0.0.1:16686  a Jaeger that runs already, OTLP on port 4317
  baton up --json | jq 'select(.event == "takeover")'`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := cfg.Validate(); err != nil {
				return usageError{err}
			}
			printer := newPrinter(asJSON)
			defer printer.Close()
			cfg.Report = printer.Report
			ctx, hurry, release := stopSignals()
			defer release()
			return up.Run(ctx, hurry, cfg)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&cfg.Dir, "dir", "C", ".", "a directory inside the repository")
	f.StringSliceVar(&cfg.Only, "only", nil, "run these services instead of all")
	f.IntVar(&cfg.Replicas, "replicas", 3, "replicas of each service")
	f.IntVar(&cfg.EtcdMembers, "etcd", 1, "members of the etcd cluster, 1 or 3")
	f.StringVar(&cfg.Jaeger, "jaeger", up.JaegerAuto, `"auto" builds and runs it, "off" leaves it out, a URL uses one that runs already`)
	f.StringVar(&cfg.OTLP, "otlp", "", "host:port where the Jaeger of --jaeger URL takes OTLP over gRPC (default: its host, port 4317)")
	f.DurationVar(&cfg.KillLeaderEvery, "kill-leader-every", 0, "kill a leader with SIGKILL this often, as in 20s")
	f.StringVar(&cfg.Data, "data", "", "keep the data of etcd, Jaeger and the services here (default: a temporary directory, removed at the end)")
	f.BoolVar(&asJSON, "json", false, "print one JSON object per line instead of text")
	return cmd
}

type printer interface {
	Report(console.Event)
	Close()
}

func newPrinter(asJSON bool) printer {
	if asJSON {
		return console.NewJSON(os.Stdout)
	}
	return console.NewTerminal(os.Stdout)
}
