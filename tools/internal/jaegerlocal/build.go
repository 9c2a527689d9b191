package jaegerlocal

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"example.com/baton/tools/internal/proc"
)

const (
	mainPackage = modulePath + "/cmd/jaeger"
	buildTail   = 20 // lines of output an error carries
	stopBuild   = 5 * time.Second
)

// Progress is how far a build has come.
type Progress struct {
	Downloaded int // modules
	Compiled   int // packages
	Packages   int // at most so many; those already in the build cache are not compiled again
}

// Build compiles Jaeger into the cache, gently: it must not slow the fleet down that runs beside it.
// progress, when not nil, is called after every step. tmp is for the compiler's temporary files.
func (m Module) Build(ctx context.Context, g *proc.Group, tmp string, progress func(Progress)) error {
	if err := os.MkdirAll(m.cache, 0o755); err != nil {
		return fmt.Errorf("build jaeger: %w", err)
	}
	dir, err := os.MkdirTemp(m.cache, "building-*")
	if err != nil {
		return fmt.Errorf("build jaeger: %w", err)
	}
	defer os.RemoveAll(dir)
	env := append(os.Environ(), "GOWORK=off", "GOTMPDIR="+tmp)

	var p Progress
	var tail []string
	report := func() {
		if progress != nil {
			progress(p)
		}
	}
	path, args := gently("go", "list", "-mod=readonly", "-trimpath", "-deps", mainPackage)
	err = run(ctx, g, proc.Spec{Path: path, Args: args, Dir: m.Dir, Env: env, Line: func(line string) {
		if strings.HasPrefix(line, "go: downloading ") {
			p.Downloaded++
			report()
			return
		}
		tail = append(tail, line)
		p.Packages++
	}})
	if err != nil {
		return buildError(err, tail)
	}

	tail = nil
	binary := filepath.Join(dir, filepath.Base(m.Binary()))
	flags := []string{"build", "-v", "-mod=readonly", "-trimpath", "-ldflags=-s -w", "-o", binary}
	if runtime.NumCPU() <= 2 {
		flags = append(flags, "-p=1")
	}
	path, args = gently("go", append(flags, mainPackage)...)
	err = run(ctx, g, proc.Spec{Path: path, Args: args, Dir: m.Dir, Env: env, Line: func(line string) {
		tail = append(tail, line)
		p.Compiled++
		report()
	}})
	if err != nil {
		return buildError(err, tail)
	}
	if err := os.Rename(binary, m.Binary()); err != nil {
		return fmt.Errorf("build jaeger: %w", err)
	}
	return nil
}

// run waits for a command, and ends it when ctx ends.
func run(ctx context.Context, g *proc.Group, spec proc.Spec) error {
	spec.Interrupt = os.Interrupt // what makes the Go command clean up
	p, err := g.Start(spec)
	if err != nil {
		return err
	}
	select {
	case <-p.Done():
	case <-ctx.Done():
		p.Stop(context.WithoutCancel(ctx), stopBuild)
		return context.Cause(ctx)
	}
	if exit := p.Exit(); !exit.OK() {
		return fmt.Errorf("%s", exit)
	}
	return nil
}

func buildError(err error, lines []string) error {
	lines = lines[max(0, len(lines)-buildTail):]
	return fmt.Errorf("build jaeger: %w\n%s", err, strings.Join(lines, "\n"))
}

// gently runs a command at low priority where the system has nice(1).
func gently(command string, args ...string) (string, []string) {
	nice, err := exec.LookPath("nice")
	if err != nil {
		return command, args
	}
	return nice, append([]string{"-n", "15", command}, args...)
}
