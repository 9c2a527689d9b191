package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

// members are the modules of the workspace; a pattern that matches nothing is not an error.
var members = []string{"pkg", "platform", "tools", "tools/template/service", "services/*"}

// standalone are the modules kept out of the workspace. Their many requirements would raise those of the services,
// since a workspace has one build list. Nothing local is required from them; only their go line is ours.
var standalone = []string{"tools/deps", "tools/jaeger"}

// workspace is what worksync knows of the repository.
type workspace struct {
	root    string
	work    *modfile.WorkFile
	old     []byte // go.work as it is on disk
	modules []*module
}

// module is one go.mod of the repository.
type module struct {
	dir    string // relative to the root, with slashes
	path   string
	file   *modfile.File
	old    []byte // go.mod as it is on disk
	member bool   // of the workspace
	pkgs   map[string]imports
}

// findRoot returns the closest directory above the working directory that holds a go.work.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the workspace: %w", err)
	}
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Stat(filepath.Join(d, "go.work")); err == nil {
			return d, nil
		}
		if d == filepath.Dir(d) {
			return "", fmt.Errorf("find the workspace: no go.work in %s or above", dir)
		}
	}
}

// load reads go.work, every go.mod below it and the imports of the workspace's modules.
func load(root string) (*workspace, error) {
	ws := &workspace{root: root}
	var err error
	if ws.old, err = os.ReadFile(filepath.Join(root, "go.work")); err != nil {
		return nil, fmt.Errorf("read go.work: %w", err)
	}
	if ws.work, err = modfile.ParseWork("go.work", ws.old, nil); err != nil {
		return nil, fmt.Errorf("read go.work: %w", err)
	}
	if ws.work.Go == nil {
		return nil, errors.New("go.work: has no go line, which every module takes its own from")
	}
	dirs, err := findModules(root)
	if err != nil {
		return nil, err
	}
	var problems []error
	for _, dir := range dirs {
		m, err := loadModule(root, dir)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		for _, other := range ws.modules {
			if other.path == m.path {
				problems = append(problems, fmt.Errorf("%s/go.mod: module %s is also in %s", dir, m.path, other.dir))
			}
		}
		ws.modules = append(ws.modules, m)
	}
	return ws, errors.Join(problems...)
}

func loadModule(root, dir string) (*module, error) {
	name := path.Join(dir, "go.mod")
	m := &module{dir: dir, member: matches(members, dir)}
	if !m.member && !slices.Contains(standalone, dir) {
		return nil, fmt.Errorf("%s: modules belong in %s; a module for the tests of a tool belongs in its testdata",
			name, strings.Join(slices.Concat(members, standalone), ", "))
	}
	var err error
	if m.old, err = os.ReadFile(filepath.Join(root, filepath.FromSlash(name))); err != nil {
		return nil, fmt.Errorf("read module: %w", err)
	}
	if m.file, err = modfile.Parse(name, m.old, nil); err != nil {
		return nil, fmt.Errorf("read module: %w", err)
	}
	if m.file.Module == nil {
		return nil, fmt.Errorf("%s: has no module line", name)
	}
	m.path = m.file.Module.Mod.Path
	if m.member {
		if m.pkgs, err = readImports(filepath.Join(root, filepath.FromSlash(dir)), m.path); err != nil {
			return nil, fmt.Errorf("%s: %w", dir, err)
		}
	}
	return m, nil
}

// findModules returns the directories below root that hold a go.mod, where the go command would look for packages.
func findModules(root string) ([]string, error) {
	var dirs []string
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != root && ignored(d.Name()) {
			return fs.SkipDir
		}
		if d.Name() == "go.mod" && !d.IsDir() {
			rel, err := filepath.Rel(root, filepath.Dir(name))
			if err != nil {
				return err
			}
			dirs = append(dirs, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("find modules: %w", err)
	}
	return dirs, nil
}

// ignored reports whether the go command looks for no packages in a directory of that name.
func ignored(name string) bool {
	return name == "testdata" || name == "vendor" || name == "node_modules" ||
		strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
}

func matches(patterns []string, dir string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, _ := path.Match(p, dir) // the patterns are constants
		return ok
	})
}

// owner returns the module of the workspace that holds the package, or nil.
func (ws *workspace) owner(pkg string) *module {
	var found *module
	for _, m := range ws.modules {
		inside := pkg == m.path || strings.HasPrefix(pkg, m.path+"/")
		if m.member && inside && (found == nil || len(m.path) > len(found.path)) {
			found = m
		}
	}
	return found
}
