package arch

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"
)

// File is a Go source file of the workspace.
type File struct {
	Name    string // relative to the root, with slashes
	Dir     string // its directory as rules see it
	Package string
	Test    bool // a _test.go file
	Doc     string
	Lines   int
	Imports []Import

	Generated bool
	source    []byte
}

// Import is one import clause.
type Import struct {
	Path   string
	Target string // as rules see it
	Line   int
}

// Module is a module of the workspace.
type Module struct {
	Dir  string // relative to the root, with slashes
	Path string
	file *modfile.File
}

// Modules returns the modules that go.work in root uses.
func Modules(root string) ([]Module, error) {
	data, err := os.ReadFile(filepath.Join(root, "go.work"))
	if err != nil {
		return nil, fmt.Errorf("read workspace: %w", err)
	}
	work, err := modfile.ParseWork("go.work", data, nil)
	if err != nil {
		return nil, fmt.Errorf("read workspace: %w", err)
	}
	var modules []Module
	for _, use := range work.Use {
		m, err := readModule(root, path.Clean(use.Path))
		if err != nil {
			return nil, err
		}
		modules = append(modules, m)
	}
	return modules, nil
}

func readModule(root, dir string) (Module, error) {
	name := path.Join(dir, "go.mod")
	data, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		return Module{}, fmt.Errorf("read module: %w", err)
	}
	f, err := modfile.Parse(name, data, nil)
	if err != nil {
		return Module{}, fmt.Errorf("read module: %w", err)
	}
	return Module{Dir: dir, Path: f.Module.Mod.Path, file: f}, nil
}

// Scan parses the Go files of the workspace in root.
func Scan(root string) ([]File, error) {
	modules, err := Modules(root)
	if err != nil {
		return nil, err
	}
	var files []File
	for _, m := range modules {
		err := filepath.WalkDir(filepath.Join(root, m.Dir), func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(root, name)
			if err != nil {
				return err
			}
			rel = filepath.ToSlash(rel)
			if d.IsDir() && rel != m.Dir && (skipped(d.Name()) || isModule(name)) {
				return fs.SkipDir
			}
			if d.IsDir() || !strings.HasSuffix(rel, ".go") {
				return nil
			}
			f, err := parse(name, rel, modules)
			files = append(files, f)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("scan %s: %w", m.Dir, err)
		}
	}
	return files, nil
}

func skipped(name string) bool {
	return name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
}

func isModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

func parse(name, rel string, modules []Module) (File, error) {
	source, err := os.ReadFile(name)
	if err != nil {
		return File{}, err
	}
	fset := token.NewFileSet()
	syntax, err := parser.ParseFile(fset, name, source, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return File{}, err
	}
	f := File{
		Name: rel, Dir: seen(path.Dir(rel)), Package: syntax.Name.Name,
		Test: strings.HasSuffix(rel, "_test.go"), Doc: syntax.Doc.Text(),
		Lines: strings.Count(string(source), "\n"), source: source,
	}
	for _, group := range syntax.Comments {
		for _, line := range group.List {
			if strings.HasPrefix(line.Text, "// Code generated ") && strings.HasSuffix(line.Text, " DO NOT EDIT.") {
				f.Generated = true
			}
		}
	}
	for _, spec := range syntax.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return File{}, fmt.Errorf("%s: import %s: %w", rel, spec.Path.Value, err)
		}
		f.Imports = append(f.Imports, Import{Path: p, Target: target(p, modules), Line: fset.Position(spec.Pos()).Line})
	}
	return f, nil
}

// target names an imported package as rules do.
func target(importPath string, modules []Module) string {
	var owner Module
	for _, m := range modules {
		if (importPath == m.Path || strings.HasPrefix(importPath, m.Path+"/")) && len(m.Path) > len(owner.Path) {
			owner = m
		}
	}
	if owner.Path != "" {
		return seen(path.Join(owner.Dir, strings.TrimPrefix(importPath, owner.Path)))
	}
	if first, _, _ := strings.Cut(importPath, "/"); !strings.Contains(first, ".") {
		return "std/" + importPath
	}
	return importPath
}

// seen is a directory as rules see it: the template is a service like any other.
func seen(dir string) string {
	const template = "tools/template/service"
	if dir == template || strings.HasPrefix(dir, template+"/") {
		return "services/template" + strings.TrimPrefix(dir, template)
	}
	return dir
}

// packages returns the files by directory, sorted.
func packages(files []File) (dirs []string, byDir map[string][]File) {
	byDir = map[string][]File{}
	for _, f := range files {
		byDir[f.Dir] = append(byDir[f.Dir], f)
	}
	for dir := range byDir {
		dirs = append(dirs, dir)
	}
	slices.Sort(dirs)
	return dirs, byDir
}
