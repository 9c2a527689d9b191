package platformfx

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"example.com/baton/pkg/buildinfo"
	"example.com/baton/platform/config"
)

func (p *process) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "Print the configuration in force and where each value comes from",
		Long:    "Print the configuration in force and where each value comes from. Secrets are redacted.",
		Example: p.examples("config", "config --json", "config --config production.yaml"),
		Args:    cobra.NoArgs,
	}
	asJSON := cmd.Flags().Bool("json", false, "print JSON")
	cmd.RunE = p.run(func(*cobra.Command, []string) error {
		values, err := p.load()
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(p.stdout, values.Effective())
		}
		w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "KEY\tVALUE\tSOURCE")
		for _, s := range values.Effective() {
			fmt.Fprintf(w, "%s\t%s\t%s\n", s.Key, config.Text(s.Value), s.Source)
		}
		return w.Flush()
	})
	return cmd
}

func (p *process) versionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print what the binary was built from",
		Example: p.examples("version", "version --json"),
		Args:    cobra.NoArgs,
	}
	asJSON := cmd.Flags().Bool("json", false, "print JSON")
	cmd.RunE = p.run(func(*cobra.Command, []string) error {
		info := buildinfo.Read()
		if *asJSON {
			return printJSON(p.stdout, struct {
				Service string `json:"service"`
				buildinfo.Info
			}{p.name, info})
		}
		fmt.Fprintf(p.stdout, "%s %s", p.name, info.Version)
		if info.Revision != "" {
			fmt.Fprintf(p.stdout, " (%s, %s)", info.Revision, info.Time.Format(time.DateOnly))
		}
		fmt.Fprintf(p.stdout, " %s\n", info.Go)
		return nil
	})
	return cmd
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
