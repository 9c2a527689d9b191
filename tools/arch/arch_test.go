package arch

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the root of the repository.
const root = "../.."

func scan(t *testing.T) []File {
	t.Helper()
	files, err := Scan(root)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}

func TestImports(t *testing.T) {
	t.Parallel()
	files := scan(t)
	for _, v := range Check(Rules, files) {
		t.Error(v)
	}
	for _, problem := range Stale(Rules, files) {
		t.Error(problem)
	}
}

// Every file of testdata/planted says which rules it breaks, and breaks no other.
func TestPlantedViolationsAreFound(t *testing.T) {
	t.Parallel()
	files, err := Scan("testdata/planted")
	require.NoError(t, err)

	want, got := map[string][]string{}, map[string][]string{}
	planted := map[string]bool{}
	for _, f := range files {
		for line := range strings.Lines(string(f.source)) {
			if rule, ok := strings.CutPrefix(strings.TrimSpace(line), "// breaks: "); ok {
				want[f.Name] = append(want[f.Name], rule)
				planted[rule] = true
			}
		}
		slices.Sort(want[f.Name])
	}
	for _, v := range Check(Rules, files) {
		if !slices.Contains(got[v.File], v.Rule.Name) {
			got[v.File] = append(got[v.File], v.Rule.Name)
			slices.Sort(got[v.File])
		}
	}
	for _, f := range files {
		require.Equal(t, want[f.Name], got[f.Name], f.Name)
	}
	for _, r := range Rules {
		require.True(t, planted[r.Name], "nothing is planted for %q", r.Name)
	}
}

func TestViolationsNameFileLineAndReason(t *testing.T) {
	t.Parallel()
	files, err := Scan("testdata/planted")
	require.NoError(t, err)
	for _, v := range Check(Rules, files) {
		if v.File == "pkg/leaf/leaf.go" {
			require.Equal(t, "pkg/leaf/leaf.go:7 imports example.org/third\n\t"+
				"pkg: the leaves are for everybody, so they cost nobody a dependency", v.String())
			return
		}
	}
	t.Error("no violation in pkg/leaf/leaf.go")
}

func TestStaleRules(t *testing.T) {
	t.Parallel()
	files := []File{
		{Dir: "a", Imports: []Import{{Target: "x"}}},
		{Dir: "b", Imports: []Import{{Target: "y"}}},
	}
	rule := Rule{Name: "r", Why: "w", From: []string{"**"}, To: []string{"x"}}
	with := func(except, optional []string) []string {
		r := rule
		r.Except, r.Optional = except, optional
		return Stale([]Rule{r}, files)
	}
	require.Empty(t, with([]string{"a"}, nil))
	require.Equal(t, []string{"r: no package matches c"}, with([]string{"c"}, nil))
	require.Equal(t, []string{"r: nothing in b needs the exception"}, with([]string{"b"}, nil))
	require.Empty(t, with([]string{"b", "c"}, []string{"b", "c"}))
	rule.Why = " "
	require.Equal(t, []string{"r: has no reason"}, with(nil, nil))
	rule.From, rule.Why = []string{"c"}, "w"
	require.Equal(t, []string{"r: no package matches c"}, with(nil, nil))
}

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, s string
		bound      map[string]string
		ok         bool
	}{
		{"a/**", "a", nil, true},
		{"a/**", "a/b/c", nil, true},
		{"a/**", "ab", nil, false},
		{"**", "a/b", nil, true},
		{"platform/**/*fx", "platform/configfx", nil, true},
		{"platform/**/*fx", "platform/config/configfx", nil, true},
		{"platform/**/*fx", "platform/config", nil, false},
		{"platform/**/*fx", "platform/configfx/internal", nil, false},
		{"s/{svc}/x", "s/a/x", nil, true},
		{"s/{svc}/x", "s/a/x", map[string]string{"svc": "a"}, true},
		{"s/{svc}/x", "s/a/x", map[string]string{"svc": "b"}, false},
		{"s/{svc}", "s", nil, false},
		{"", "", nil, true},
	} {
		_, ok := match(c.pattern, c.s, c.bound)
		require.Equal(t, c.ok, ok, "%s on %s with %v", c.pattern, c.s, c.bound)
	}
}

func TestScanSeesTheTemplateAsAService(t *testing.T) {
	t.Parallel()
	modules := []Module{
		{Dir: "tools", Path: "example.com/x/tools"},
		{Dir: "tools/template/service", Path: "example.com/x/tools/template/service"},
	}
	require.Equal(t, "services/template/internal/app", target("example.com/x/tools/template/service/internal/app", modules))
	require.Equal(t, "tools/arch", target("example.com/x/tools/arch", modules))
	require.Equal(t, "std/net/http", target("net/http", modules))
	require.Equal(t, "example.org/third", target("example.org/third", modules))
}

func TestScanRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := Scan(dir)
	require.ErrorContains(t, err, "go.work")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.work"), []byte("go 1.26.0\n\nuse ./a\n"), 0o600))
	_, err = Scan(dir)
	require.ErrorContains(t, err, "go.mod")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "a"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a/go.mod"), []byte("module a\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a/a.go"), []byte("package\n"), 0o600))
	_, err = Scan(dir)
	require.ErrorContains(t, err, "a.go")
}
