package fleet

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Service is a service of the repository.
type Service struct {
	Name   string // directory below services/, and the name of its command
	Dir    string // absolute
	Binary string // set by Build
}

// Config is the file with laptop-speed schedules, relative to Dir, or "" when there is none.
func (s Service) Config() string {
	const dev = "dev.yaml"
	if _, err := os.Stat(filepath.Join(s.Dir, dev)); err != nil {
		return ""
	}
	return dev
}

// envPrefix is what the service's environment variables begin with.
func (s Service) envPrefix() string {
	return strings.ToUpper(strings.ReplaceAll(s.Name, "-", "_")) + "_"
}

// Root finds the repository from a directory inside it.
func Root(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	for d := abs; ; d = filepath.Dir(d) {
		if _, err := os.Stat(filepath.Join(d, "go.work")); err == nil {
			return d, nil
		}
		if d == filepath.Dir(d) {
			return "", fmt.Errorf("find the repository: no go.work in %s or above it", abs)
		}
	}
}

// Discover returns the services of the repository at root, that is every services/<name> with a
// cmd/<name>/main.go, sorted by name. With names given it returns these only, and an error that
// lists what there is when one does not exist.
func Discover(root string, only ...string) ([]Service, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("discover services: %w", err)
	}
	mains, err := filepath.Glob(filepath.Join(root, "services", "*", "cmd", "*", "main.go"))
	if err != nil {
		return nil, fmt.Errorf("discover services: %w", err)
	}
	var found []Service
	var names []string
	for _, main := range mains {
		cmd := filepath.Dir(main)
		dir := filepath.Dir(filepath.Dir(cmd))
		if name := filepath.Base(cmd); name == filepath.Base(dir) {
			found = append(found, Service{Name: name, Dir: dir})
			names = append(names, name)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("discover services: no services/<name>/cmd/<name>/main.go in %s", root)
	}
	for _, name := range only {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("no service %q; there is: %s", name, strings.Join(names, ", "))
		}
	}
	if len(only) > 0 {
		found = slices.DeleteFunc(found, func(s Service) bool { return !slices.Contains(only, s.Name) })
	}
	return found, nil
}
