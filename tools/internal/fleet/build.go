package fleet

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"example.com/baton/tools/internal/proc"
)

const (
	buildTail = 30 // lines of the compiler's output an error carries
	stopBuild = 5 * time.Second
)

// Build compiles the services into dir with one call of the Go command and sets their Binary.
// progress, when not nil, is called with every line the Go command prints: a package compiled, or
// "go: downloading " and a module.
func Build(ctx context.Context, g *proc.Group, services []Service, dir string, progress func(line string)) error {
	// The Go command stops at the first package of another module unless a workspace holds them
	// all; one call per workspace keeps the shared packages compiled once and in parallel.
	args := []string{"build", "-v", "-o", dir + string(filepath.Separator)}
	for _, s := range services {
		args = append(args, filepath.Join(s.Dir, "cmd", s.Name))
	}
	var out []string
	p, err := g.Start(proc.Spec{
		Path: "go", Args: args, Dir: services[0].Dir,
		Env:       append(os.Environ(), "GOTMPDIR="+dir),
		Interrupt: os.Interrupt, // what makes the Go command clean up
		Line: func(line string) {
			if out = append(out, line); progress != nil {
				progress(line)
			}
		},
	})
	if err != nil {
		return fmt.Errorf("build services: %w", err)
	}
	select {
	case <-p.Done():
	case <-ctx.Done():
		p.Stop(context.WithoutCancel(ctx), stopBuild)
		return fmt.Errorf("build services: %w", context.Cause(ctx))
	}
	if exit := p.Exit(); !exit.OK() {
		return fmt.Errorf("build services: %s\n%s", exit, strings.Join(out[max(0, len(out)-buildTail):], "\n"))
	}
	for i := range services {
		services[i].Binary = filepath.Join(dir, services[i].Name)
		if runtime.GOOS == "windows" {
			services[i].Binary += ".exe"
		}
	}
	return nil
}
