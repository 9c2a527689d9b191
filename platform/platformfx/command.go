package platformfx

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"example.com/baton/platform/config"
)

// command builds the tree of commands. Every command that reads the configuration has a flag for
// each of its keys.
func (p *process) command() (*cobra.Command, error) {
	flags, err := config.Flags(p.sections, p.args)
	if err != nil {
		return nil, err
	}
	p.input.Flags = flags

	root := &cobra.Command{
		Use:           p.name,
		Short:         "Run the service " + p.name + " or look into it",
		Example:       p.examples("", "serve --config production.yaml", "jobs", "run close_overdue", "config"),
		Args:          cobra.NoArgs,
		RunE:          p.run(p.serve),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetArgs(p.args)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), "Global Flags:", "Configuration:"))
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return suggestFlag(err, flags) })

	root.PersistentFlags().StringArrayVar(&p.input.Files, "config", nil,
		"configuration `file`, read over config.yaml; may be repeated")
	root.PersistentFlags().SortFlags = true
	root.PersistentFlags().AddFlagSet(flags)
	root.AddCommand(p.serveCommand(), p.jobsCommand(), p.runCommand(), p.configCommand(), p.versionCommand())
	return root, nil
}

// run marks what goes wrong inside of a command as not being about the command line.
func (p *process) run(f func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		err := f(cmd, args)
		if err == nil {
			return nil
		}
		if usage, ok := errors.AsType[*usageError](err); ok {
			return usage
		}
		return &runError{err}
	}
}

// usageError is about the command line after all, although only the command could find it.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }

func (p *process) examples(lines ...string) string {
	for i, line := range lines {
		lines[i] = strings.TrimRight("  "+p.name+" "+line, " ")
	}
	return strings.Join(lines, "\n")
}

func suggestFlag(err error, flags *pflag.FlagSet) error {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok {
		return err
	}
	var names []string
	flags.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near := config.Nearest(unknown.GetSpecifiedName(), names); near != "" {
		return fmt.Errorf("%w, did you mean --%s?", err, near)
	}
	return err
}
