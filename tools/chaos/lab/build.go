package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"example.com/baton/tools/internal/fleet"
	"example.com/baton/tools/internal/proc"
)

// Binaries are the programs that a lab is made of.
type Binaries struct {
	Replica string
	Etcd    string // the real one
}

// Build compiles the programs into dir, from the repository that contains the
// working directory.
func Build(ctx context.Context, g *proc.Group, dir string) (Binaries, error) {
	root, err := fleet.Root(".")
	if err != nil {
		return Binaries{}, err
	}
	var out []string
	p, err := g.Start(proc.Spec{
		Path:      "go",
		Args:      []string{"build", "-o", dir + string(filepath.Separator), "./chaos/cmd/replica", "go.etcd.io/etcd/server/v3"},
		Dir:       filepath.Join(root, "tools"),
		Env:       append(os.Environ(), "GOTMPDIR="+dir),
		Interrupt: os.Interrupt,
		Line:      func(line string) { out = append(out, line) },
	})
	if err != nil {
		return Binaries{}, fmt.Errorf("build: %w", err)
	}
	select {
	case <-p.Done():
	case <-ctx.Done():
		p.Stop(context.WithoutCancel(ctx), 5*time.Second)
		return Binaries{}, fmt.Errorf("build: %w", context.Cause(ctx))
	}
	if exit := p.Exit(); !exit.OK() {
		return Binaries{}, fmt.Errorf("build: %s\n%s", exit, strings.Join(out, "\n"))
	}
	// A main package in the root of a module is named after the directory above the major version.
	return Binaries{Replica: filepath.Join(dir, "replica"), Etcd: filepath.Join(dir, "server")}, nil
}
