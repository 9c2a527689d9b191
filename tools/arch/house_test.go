package arch

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// longFiles are source files of more than maxLines lines, each with the reason why it is one concept.
var longFiles = map[string]string{
	"platform/election/electiontest/electiontest.go": "one contract suite, read from top to bottom",
}

const maxLines = 400

func TestPackagesSayWhatTheyAre(t *testing.T) {
	t.Parallel()
	dirs, byDir := packages(scan(t))
	for _, dir := range dirs {
		if problem := undocumented(byDir[dir]); problem != "" {
			t.Errorf("%s: %s", dir, problem)
		}
	}
	require.Empty(t, undocumented([]File{{Package: "x", Doc: "Package x is.\n"}, {Package: "x"}}))
	require.Empty(t, undocumented([]File{{Package: "main", Doc: "Command x does.\n"}}))
	require.Empty(t, undocumented([]File{{Package: "x_test", Test: true}}))
	require.Empty(t, undocumented([]File{{Package: "mocks", Generated: true}}))
	require.Equal(t, "package x has no doc comment", undocumented([]File{{Package: "x"}, {Package: "x", Test: true, Doc: "d"}}))
	require.Equal(t, "package x has 2 doc comments", undocumented([]File{{Package: "x", Doc: "a"}, {Package: "x", Doc: "b"}}))
	require.Contains(t, undocumented([]File{{Package: "x", Doc: "Does things.\n"}}), `should begin with "Package x "`)
}

func undocumented(files []File) string {
	var docs []string
	name := ""
	for _, f := range files {
		if f.Test || f.Generated {
			continue
		}
		name = f.Package
		if f.Doc != "" {
			docs = append(docs, f.Doc)
		}
	}
	begin := "Package " + name + " "
	if name == "main" {
		begin = "Command "
	}
	switch {
	case name == "":
		return ""
	case len(docs) == 0:
		return "package " + name + " has no doc comment"
	case len(docs) > 1:
		return "package " + name + " has 2 doc comments"
	case !strings.HasPrefix(docs[0], begin):
		return "the doc comment should begin with " + `"` + begin + `"`
	}
	return ""
}

func TestPackageNamesSaySomething(t *testing.T) {
	t.Parallel()
	for _, f := range scan(t) {
		require.NotContains(t, vague, strings.TrimSuffix(f.Package, "_test"), "%s: name the package after what it provides", f.Name)
		require.NotContains(t, vague, path.Base(f.Dir), "%s: name the directory after what it provides", f.Name)
	}
}

func TestFilesAreOneConcept(t *testing.T) {
	t.Parallel()
	var long []string
	for _, f := range scan(t) {
		if !f.Test && !f.Generated && f.Lines > maxLines {
			long = append(long, f.Name)
			if longFiles[f.Name] == "" {
				t.Errorf("%s has %d lines, more than %d: is it still one concept?", f.Name, f.Lines, maxLines)
			}
		}
	}
	for name := range longFiles {
		require.Contains(t, long, name, "is short now: take it off the list")
	}
}

// A test that sleeps on the real clock is slow when it passes and wrong when the machine is slow.
func TestTestsSleepOnlyInSynctest(t *testing.T) {
	t.Parallel()
	for _, f := range scan(t) {
		if f.Test && sleeps(f.source) && !slices.ContainsFunc(f.Imports, func(i Import) bool { return i.Path == "testing/synctest" }) {
			t.Errorf("%s: calls time.Sleep without testing/synctest: wait for a signal instead", f.Name)
		}
	}
	require.True(t, sleeps([]byte("package x\nfunc f() { time.Sleep(1) }")))
	require.False(t, sleeps([]byte("package x\n// time.Sleep(1)\nvar s = `time.Sleep(1)`")))
}

// sleeps reports whether the source calls time.Sleep.
func sleeps(source []byte) bool {
	file, err := parser.ParseFile(token.NewFileSet(), "", source, parser.SkipObjectResolution)
	if err != nil {
		return false // the compiler will say so
	}
	found := false
	ast.Inspect(file, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if sel, ok := call.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Sleep" {
				pkg, ok := sel.X.(*ast.Ident)
				found = found || ok && pkg.Name == "time"
			}
		}
		return !found
	})
	return found
}

// machinePaths finds directories that exist on one machine. A copied command with such a path works for its author only.
var machinePaths = regexp.MustCompile(`/home/[a-z][a-z0-9_-]*/|/root/|/Users/`)

// pathExceptions are files that may name such a path, each with the reason.
var pathExceptions = map[string]string{
	"tools/arch/house_test.go": "the pattern and its test",
}

func TestTheRepositorySpeaksOfNoMachine(t *testing.T) {
	t.Parallel()
	list := exec.CommandContext(t.Context(), "git", "ls-files", "-z")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Skip("this is an export without its git history: ", err)
	}
	used := map[string]bool{}
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil || bytes.IndexByte(data, 0) >= 0 { // deleted but not yet committed, or binary
			continue
		}
		for i, line := range strings.Split(string(data), "\n") {
			if found := machinePaths.FindString(line); found != "" {
				used[name] = true
				if pathExceptions[name] == "" {
					t.Errorf("%s:%d names a path of one machine: %s", name, i+1, found)
				}
			}
		}
	}
	for name := range pathExceptions {
		require.True(t, used[name], "%s: names no such path any more: take it off the list", name)
	}
	require.Regexp(t, machinePaths, "cd /home/ada/baton")
	require.NotRegexp(t, machinePaths, "GET /homes/1 and /var/home")
}
