package main

import (
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// imports are the import paths of one package.
type imports struct {
	code, tests map[string]bool // tests: of the _test.go files alone
}

// readImports returns the packages of the module in dir by import path. Like go mod tidy it reads the files of every
// operating system and build tag, except those that say ignore.
func readImports(dir, modulePath string) (map[string]imports, error) {
	pkgs := map[string]imports{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name == dir {
				return nil
			}
			if ignored(d.Name()) {
				return fs.SkipDir
			}
			if _, err := os.Stat(filepath.Join(name, "go.mod")); err == nil {
				return fs.SkipDir // another module
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasPrefix(d.Name(), "_") || strings.HasPrefix(d.Name(), ".") {
			return nil
		}
		rel, err := filepath.Rel(dir, filepath.Dir(name))
		if err != nil {
			return err
		}
		pkg := path.Join(modulePath, filepath.ToSlash(rel))
		if pkgs[pkg].code == nil {
			pkgs[pkg] = imports{code: map[string]bool{}, tests: map[string]bool{}}
		}
		into := pkgs[pkg].code
		if strings.HasSuffix(name, "_test.go") {
			into = pkgs[pkg].tests
		}
		return addImports(into, name)
	})
	if err != nil {
		return nil, fmt.Errorf("read imports: %w", err)
	}
	return pkgs, nil
}

func addImports(into map[string]bool, name string) error {
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return err
	}
	if saysIgnore(file) {
		return nil
	}
	for _, spec := range file.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return fmt.Errorf("%s: import %s: %w", name, spec.Path.Value, err)
		}
		into[p] = true
	}
	return nil
}

// saysIgnore reports whether the file has a build constraint that only the tag "ignore" could satisfy.
func saysIgnore(file *ast.File) bool {
	for _, group := range file.Comments {
		if group.Pos() > file.Package {
			break
		}
		for _, line := range group.List {
			if !constraint.IsGoBuild(line.Text) {
				continue
			}
			expr, err := constraint.Parse(line.Text)
			if err == nil && !expr.Eval(func(tag string) bool { return tag != "ignore" }) &&
				expr.Eval(func(string) bool { return true }) {
				return true
			}
		}
	}
	return false
}
