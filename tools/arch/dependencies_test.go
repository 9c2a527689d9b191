package arch

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"
)

// standalone are the modules outside the workspace. What they are for are their tools.
var standalone = []string{"tools/deps", "tools/jaeger"}

func TestEveryDependencyIsExplained(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "docs", "dependencies.md"))
	require.NoError(t, err)
	explained, problems := explainedDependencies(string(text))
	require.Empty(t, problems)

	modules, err := Modules(root)
	require.NoError(t, err)
	for _, dir := range standalone {
		m, err := readModule(root, dir)
		require.NoError(t, err)
		modules = append(modules, m)
	}
	required := map[string]bool{}
	for _, m := range modules {
		for _, dep := range m.direct() {
			required[dep+" in "+documentedAs(m.Dir)] = true
		}
	}
	for dep := range required {
		require.Contains(t, explained, dep, "docs/dependencies.md does not explain it")
	}
	for dep := range explained {
		require.Contains(t, required, dep, "docs/dependencies.md explains what is not required")
	}
}

// documentedAs is the name of a module's directory in the table: services come and go with what all of them use.
func documentedAs(dir string) string {
	if strings.HasPrefix(seen(dir), "services/") {
		return "services"
	}
	return dir
}

// direct returns the modules m requires for its own code, or for its tools.
func (m Module) direct() []string {
	var found []string
	for _, r := range m.file.Require {
		isTool := slices.ContainsFunc(m.file.Tool, func(t *modfile.Tool) bool {
			return t.Path == r.Mod.Path || strings.HasPrefix(t.Path, r.Mod.Path+"/")
		})
		local := r.Mod.Version == "v0.0.0" || strings.HasPrefix(r.Mod.Version, "v0.0.0-0001")
		if !local && (isTool || !r.Indirect) {
			found = append(found, r.Mod.Path)
		}
	}
	return found
}

// explainedDependencies reads "module in directory" from the rows of the tables.
func explainedDependencies(text string) (found map[string]bool, problems []string) {
	found = map[string]bool{}
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 4 || strings.TrimSpace(cells[2]) == "" || strings.TrimSpace(cells[3]) == "" {
			problems = append(problems, "a row needs module, used in, why and also looked at: "+line)
			continue
		}
		for dir := range strings.SplitSeq(cells[1], ",") {
			row := strings.Trim(strings.TrimSpace(cells[0]), "`") + " in " + strings.TrimSpace(dir)
			if found[row] {
				problems = append(problems, "explained twice: "+row)
			}
			found[row] = true
		}
	}
	return found, problems
}

func TestExplainedDependencies(t *testing.T) {
	t.Parallel()
	found, problems := explainedDependencies("| module | used in | why | x |\n|---|---|---|---|\n| `a` | b, c | d | – |\n")
	require.Equal(t, map[string]bool{"a in b": true, "a in c": true}, found)
	require.Empty(t, problems)
	_, problems = explainedDependencies("| `a` | b | | x |\n| `e` | f | g | h |\n| `e` | f | g | h |\n")
	require.Len(t, problems, 2)
}
