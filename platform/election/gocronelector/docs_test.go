package gocronelector_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var goBlock = regexp.MustCompile("(?s)```go\n(.*?)```")

// What the migration guide shows is what is compiled here.
func TestGuideShowsCodeThatCompiles(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../../docs/migrating-from-gocron-etcd-elector.md")
	require.NoError(t, err)
	examples, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	blocks := goBlock.FindAllStringSubmatch(string(guide), -1)
	require.Len(t, blocks, 5)
	for _, block := range blocks {
		code := strings.TrimPrefix(block[1], "import ")
		require.Contains(t, unindented(string(examples)), unindented(code))
	}
}

func unindented(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return strings.Join(lines, "\n")
}
