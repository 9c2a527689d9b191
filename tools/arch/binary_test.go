package arch

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// heavy are packages no service's binary may contain. Import rules see one step; these arrive over many.
var heavy = []struct{ pattern, why string }{
	{"go.etcd.io/etcd/server/**", "the server is for tests and laptops: it adds tens of megabytes and its own flags"},
	{"go.etcd.io/raft/**", "only the server needs it"},
	{"github.com/stretchr/testify/**", "for tests"},
	{"go.uber.org/goleak/**", "for tests"},
	{"github.com/golang/mock/**", "for tests"},
	{"**/platform/**/*test", "contract suites and fakes are for tests"},
	{"testing", "registers flags and belongs to tests"},
}

func TestBinariesStayLean(t *testing.T) {
	t.Parallel()
	commands := commands(t)
	require.NotEmpty(t, commands)
	for _, dir := range commands {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			list := exec.CommandContext(t.Context(), "go", "list", "-deps", "./...")
			list.Dir = filepath.Join(root, dir)
			out, err := list.CombinedOutput()
			require.NoError(t, err, "%s", out)
			for _, problem := range tooHeavy(strings.Fields(string(out))) {
				t.Error(problem)
			}
		})
	}
}

// commands are the cmd directories of services and of their template.
func commands(t *testing.T) []string {
	t.Helper()
	modules, err := Modules(root)
	require.NoError(t, err)
	var found []string
	for _, m := range modules {
		cmd := filepath.Join(m.Dir, "cmd")
		if _, err := os.Stat(filepath.Join(root, cmd)); err == nil && strings.HasPrefix(seen(m.Dir), "services/") {
			found = append(found, cmd)
		}
	}
	return found
}

func tooHeavy(pkgs []string) []string {
	var found []string
	for _, pkg := range pkgs {
		for _, h := range heavy {
			if _, ok := match(h.pattern, pkg, nil); ok {
				found = append(found, "links "+pkg+": "+h.why)
			}
		}
	}
	return found
}

func TestTooHeavy(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"links testing: registers flags and belongs to tests"}, tooHeavy([]string{"fmt", "testing"}))
	require.Len(t, tooHeavy([]string{
		"go.etcd.io/etcd/server/v3/embed", "go.etcd.io/etcd/client/v3", "go.uber.org/goleak",
		"example.com/baton/platform/election/electiontest", "example.com/baton/platform/election",
	}), 3)
}
