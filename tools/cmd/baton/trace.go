package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"example.com/baton/tools/internal/console"
	"example.com/baton/tools/internal/waterfall"
)

const defaultJaeger = "http://127.0.0.1:16686"

func newTrace() *cobra.Command {
	var jaeger, svg string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "trace <trace id | run id>",
		Short: "Draw the trace of a run",
		Long: `Fetches a trace from Jaeger's query API and draws it in the terminal, or as a picture.

A run id is what the log calls run_id; its latest trace is drawn.

Exit codes: 0 drawn, 1 not found or Jaeger not reachable, 2 wrong arguments.`,
		Example: `  baton trace close_overdue@20261122T050000Z
  baton trace 7f3c9a1be0d24c55a1b2c3d4e5f60718 --svg trace.svg
  baton trace close_overdue@20261122T050000Z --json | jq '.spans[].name'
  BATON_JAEGER=http://jaeger.example:16686 baton trace 7f3c9a1be0d24c55a1b2c3d4e5f60718`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if svg != "" && asJSON {
				return usageError{errors.New("--svg and --json: choose one")}
			}
			client, err := waterfall.NewClient(jaeger)
			if err != nil {
				return usageError{fmt.Errorf("--jaeger: %w", err)}
			}
			defer client.Close()
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			t, err := find(ctx, client, args[0])
			if errors.Is(err, waterfall.ErrNotFound) {
				return fmt.Errorf("no trace of %q in the Jaeger at %s", args[0], jaeger)
			}
			if err != nil {
				return err
			}
			return draw(t, svg, asJSON)
		},
	}
	f := cmd.Flags()
	f.StringVar(&jaeger, "jaeger", cmp.Or(os.Getenv("BATON_JAEGER"), defaultJaeger), "URL of Jaeger's query API; also BATON_JAEGER")
	f.StringVar(&svg, "svg", "", `write a picture to this file, "-" for standard output`)
	f.BoolVar(&asJSON, "json", false, "print the spans as JSON")
	return cmd
}

// find takes a text for a trace id when it can be one. A run id contains an @.
func find(ctx context.Context, client *waterfall.Client, what string) (waterfall.Trace, error) {
	if waterfall.IsTraceID(what) {
		return client.Trace(ctx, what)
	}
	return client.Run(ctx, what)
}

func draw(t waterfall.Trace, svg string, asJSON bool) error {
	switch {
	case asJSON:
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(t)
	case svg == "-":
		return t.SVG(os.Stdout, waterfall.SVGOptions{})
	case svg != "":
		f, err := os.Create(svg)
		if err != nil {
			return err
		}
		return errors.Join(t.SVG(f, waterfall.SVGOptions{}), f.Close())
	default:
		return t.Text(os.Stdout, waterfall.TextOptions{Color: console.NewTerminal(os.Stdout).Color()})
	}
}
