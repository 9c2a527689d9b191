package config_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/baton/platform/config"
)

func TestReference(t *testing.T) {
	t.Parallel()
	entries, err := config.Reference(sections())
	require.NoError(t, err)
	byKey := map[string]config.Entry{}
	for _, e := range entries {
		byKey[e.Key] = e
	}
	require.Equal(t, config.Entry{Key: "etcd.endpoints", Type: "list", Default: "a:1,b:2,c:3", Doc: "addresses"}, byKey["etcd.endpoints"])
	require.Equal(t, config.Entry{Key: "etcd.password", Type: "text", Doc: "a secret", Secret: true}, byKey["etcd.password"])
	require.Equal(t, config.Entry{Key: "jobs.<name>.every", Type: "duration", Doc: "interval"}, byKey["jobs.<name>.every"])
	require.Equal(t, config.Entry{Key: "misc.high", Type: "number", Default: "10", Doc: "number"}, byKey["misc.high"])
	require.IsIncreasing(t, keys(entries))
	require.NotContains(t, byKey, "etcd.internal")
}

func keys(entries []config.Entry) []string {
	var keys []string
	for _, e := range entries {
		keys = append(keys, e.Key)
	}
	return keys
}

func TestFlags(t *testing.T) {
	t.Parallel()
	flags, err := config.Flags(sections(), []string{"--jobs.close_overdue.every=5s", "--jobs.x", "jobs.y.every", "--no.such.key"})
	require.NoError(t, err)
	require.NotNil(t, flags.Lookup("jobs.close_overdue.every"))
	require.Nil(t, flags.Lookup("jobs.x"))
	require.Nil(t, flags.Lookup("jobs.y.every"))
	require.Nil(t, flags.Lookup("no.such.key"))

	usage := flags.FlagUsages()
	require.Contains(t, usage, "--etcd.timeout duration")
	require.Contains(t, usage, "limit (default 5s)")
	require.Contains(t, usage, "--jobs.<name>.every duration")
	require.NotContains(t, usage, "--jobs.close_overdue.every")

	require.ErrorContains(t, flags.Parse([]string{"--jobs.<name>.every=5s"}), "write a name in the place of <name>")
}

func ExampleLoad() {
	type election struct {
		TTL string `koanf:"ttl" doc:"how long a leader is trusted"`
	}
	values, err := config.Load(config.Input{
		Service:  "billing",
		Env:      []string{"BILLING_ELECTION__TTL=10s", "BILLING_ELECTION__TTTL=1s"},
		Sections: []config.Section{config.NewSection("election", election{TTL: "5s"})},
	})
	fmt.Println(err)
	fmt.Println(values.Effective()[0].Value)
	// Output:
	// environment BILLING_ELECTION__TTTL: unknown key, did you mean BILLING_ELECTION__TTL?
	// 10s
}
