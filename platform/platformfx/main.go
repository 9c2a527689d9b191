package platformfx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"go.uber.org/dig"
	"go.uber.org/fx"

	"example.com/baton/platform/config"
	"example.com/baton/platform/config/configfx"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1 // something went wrong while running
	exitUsage   = 2 // bad command line or configuration
)

// Main runs the service called name, which consists of the platform and opts, and exits. The name is
// the command's, the one in etcd keys and spans, and the prefix of environment variables.
func Main(name string, opts ...fx.Option) {
	p := &process{name: name, opts: opts, args: os.Args[1:], env: os.Environ(), stdout: os.Stdout, stderr: os.Stderr}
	os.Exit(p.main(context.Background()))
}

// process is one invocation of the binary.
type process struct {
	name           string
	opts           []fx.Option
	args           []string
	env            []string
	stdout, stderr io.Writer

	sections []config.Section
	input    config.Input
}

func (p *process) main(ctx context.Context) int {
	// Before the command line can be parsed the sections must be known: each key is a flag.
	sections, err := Sections(p.name, p.opts...)
	if err != nil {
		p.tell(err)
		return exitFailure
	}
	p.sections = sections
	root, err := p.command()
	if err != nil {
		p.tell(err)
		return exitFailure
	}
	err = root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	failure, ran := errors.AsType[*runError](err)
	if !ran {
		p.tell(err)
		fmt.Fprintf(p.stderr, "%s: see '%s --help'\n", p.name, p.name)
		return exitUsage
	}
	p.tell(failure.err)
	if _, invalid := errors.AsType[config.Problems](failure.err); invalid {
		return exitUsage
	}
	return exitFailure
}

// runError is an error of a command that was understood; every other is about the command line.
type runError struct{ err error }

func (e *runError) Error() string { return e.err.Error() }
func (e *runError) Unwrap() error { return e.err }

var errDiscovered = errors.New("sections discovered")

// Sections returns the configuration sections of a service, for a reference of its keys. Nothing of
// the service is constructed.
func Sections(service string, opts ...fx.Option) ([]config.Section, error) {
	var found []config.Section
	err := fx.New(
		fx.NopLogger,
		configfx.Sections(func(sections []config.Section) error {
			found = sections
			return errDiscovered // nothing else is to be invoked
		}),
		fx.Supply(name(service)),
		Module,
		fx.Options(opts...),
	).Err()
	if errors.Is(err, errDiscovered) {
		return found, nil
	}
	return nil, cause(err)
}

// load reads the configuration.
func (p *process) load() (*config.Values, error) {
	p.input.Service = p.name
	p.input.ReadFile = os.ReadFile
	p.input.Env = p.env
	p.input.Sections = p.sections
	return config.Load(p.input)
}

// cause strips the story of who needed what from an error of the graph. It stays when the graph
// itself is wrong, since then the story is the message.
func cause(err error) error {
	root := dig.RootCause(err)
	if _, graph := errors.AsType[dig.Error](root); graph {
		return err
	}
	return root
}

// tell prints an error, one problem per line, each with the name of the service.
func (p *process) tell(err error) {
	for line := range strings.Lines(cause(err).Error()) {
		if line = strings.TrimSpace(line); line != "" {
			fmt.Fprintf(p.stderr, "%s: %s\n", p.name, line)
		}
	}
}
