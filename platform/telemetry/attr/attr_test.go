package attr_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const path = `"example.com/baton/platform/telemetry/attr"`

// TestOnePlaceForNames: every name that is declared here is used, and the
// packages that use one take all of theirs from here.
func TestOnePlaceForNames(t *testing.T) {
	t.Parallel()
	unused := declared(t)
	users := 0
	for file, tree := range sources(t, filepath.Join("..", "..")) {
		imports := false
		for _, i := range tree.Imports {
			imports = imports || i.Path.Value == path
		}
		if !imports {
			continue
		}
		users++
		ast.Inspect(tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if name, ok := n.X.(*ast.Ident); ok && name.Name == "attr" {
					delete(unused, n.Sel.Name)
				}
			case *ast.CallExpr:
				made, ok := n.Fun.(*ast.SelectorExpr)
				if !ok {
					break
				}
				if name, ok := made.X.(*ast.Ident); ok && name.Name == "attribute" {
					t.Errorf("%s: attribute.%s makes a name of its own", file, made.Sel.Name)
				}
			}
			return true
		})
	}
	require.Empty(t, unused, "declared, but never used")
	require.Greater(t, users, 2)
}

func declared(t *testing.T) map[string]bool {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), "attr.go", nil, 0)
	require.NoError(t, err)
	names := map[string]bool{}
	ast.Inspect(tree, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			for _, name := range spec.Names {
				names[name.Name] = true
			}
		}
		return true
	})
	require.Greater(t, len(names), 10)
	return names
}

// sources parses every Go file below root that is not a test.
func sources(t *testing.T, root string) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	require.NoError(t, filepath.WalkDir(root, func(file string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		files[file], err = parser.ParseFile(token.NewFileSet(), file, nil, 0)
		return err
	}))
	return files
}
