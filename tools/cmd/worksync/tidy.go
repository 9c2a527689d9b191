package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/mod/modfile"
)

// tidy runs go mod tidy in every module of the workspace, as if the workspace did not exist, and reports whether
// anything changed. With opts.check it prints the differences and changes nothing.
func (ws *workspace) tidy(ctx context.Context, opts options) (changed bool, err error) {
	var problems []error
	for _, m := range ws.modules {
		if !m.member {
			continue
		}
		args := []string{"mod", "tidy"}
		if opts.check {
			args = append(args, "-diff")
		}
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Dir = filepath.Join(ws.root, filepath.FromSlash(m.dir))
		cmd.Env = append(os.Environ(), "GOWORK=off", "PWD="+cmd.Dir)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err := cmd.Run()
		if stdout.Len() > 0 { // only -diff prints there, and then exits with 1
			changed = true
			fmt.Fprintf(opts.out, "go mod tidy in %s:\n%s", m.dir, stdout.Bytes())
			continue
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("go mod tidy in %s: %w\n%s", m.dir, err, stderr.Bytes()))
			continue
		}
		if err := ws.sameGo(m, cmd.Dir); err != nil {
			problems = append(problems, err)
		}
	}
	return changed, errors.Join(problems...)
}

// sameGo refuses a go line that go mod tidy has raised for a dependency: the next run would lower it, the one after
// raise it again.
func (ws *workspace) sameGo(m *module, dir string) error {
	data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return fmt.Errorf("read module: %w", err)
	}
	f, err := modfile.Parse(m.dir+"/go.mod", data, nil)
	if err != nil {
		return fmt.Errorf("read module: %w", err)
	}
	if f.Go == nil || f.Go.Version != ws.work.Go.Version {
		return fmt.Errorf("%s/go.mod: a dependency needs a newer go line than the %s of go.work: raise it there",
			m.dir, ws.work.Go.Version)
	}
	return nil
}
