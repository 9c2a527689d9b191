// Command worksync keeps the modules of this repository in step, so that each one builds in the workspace and alone.
//
// It writes the use lines of go.work; in every module of the workspace a require and a relative replace for each local
// module it needs, transitive ones too, because the replaces of a dependency are ignored; and one go and toolchain line
// everywhere, that of go.work. Then it runs go mod tidy in every module with GOWORK=off.
//
// It is not a package manager: the versions of third-party modules are left to go get.
//
//	go run ./tools/cmd/worksync            write
//	go run ./tools/cmd/worksync -check     write nothing; print what would change and exit with 1
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes.
const (
	exitDiffers = 1 // -check found something to write, or writing failed
	exitUsage   = 2
)

// errDiffers ends a check that found something to write.
var errDiffers = errors.New("the modules are out of step: run `task sync`")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("worksync", flag.ContinueOnError)
	flags.SetOutput(stderr)
	check := flags.Bool("check", false, "write nothing; print what would change and exit with 1")
	tidy := flags.Bool("tidy", true, "run go mod tidy in every module of the workspace")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return exitUsage
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "worksync: takes no arguments, got %q\n", flags.Arg(0))
		return exitUsage
	}
	if err := synchronize(ctx, options{check: *check, tidy: *tidy, out: stdout}); err != nil {
		fmt.Fprintln(stderr, "worksync:", err)
		return exitDiffers
	}
	return 0
}

type options struct {
	check, tidy bool
	out         io.Writer
}

// synchronize brings the workspace around the working directory into step, or says how it is not.
func synchronize(ctx context.Context, opts options) error {
	root, err := findRoot()
	if err != nil {
		return err
	}
	ws, err := load(root)
	if err != nil {
		return err
	}
	changes, err := ws.plan()
	if err != nil {
		return err
	}
	for _, c := range changes {
		if err := c.apply(root, opts); err != nil {
			return err
		}
	}
	differs := len(changes) > 0
	// go mod tidy reads go.mod as it is on disk, so its opinion counts only where that is already right.
	if opts.tidy && !(opts.check && differs) {
		changed, err := ws.tidy(ctx, opts)
		if err != nil {
			return err
		}
		differs = differs || changed
	}
	if opts.check && differs {
		return errDiffers
	}
	return nil
}
