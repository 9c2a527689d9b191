package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/baton/platform/config"
)

// FuzzLoad: whatever stands in a file, a variable or a flag, Load returns, and what it accepted can
// be shown and decoded.
func FuzzLoad(f *testing.F) {
	f.Add("etcd: {timeout: 30}", "ETCD__TIMEOUT", "30", "--misc.low=1")
	f.Add("jobs: {a: {every: 30s}}", "JOBS__A", "30", "--jobs.a.b.c=1")
	f.Add("etcd:\n  etcd:\n", "__", "", "--jobs..every=1")
	f.Add("? [a]\n: b", "ETCD", "x", "--")
	f.Add("a: &a [*a]", "JOBS__A__EVERY__", "1s", "--jobs.<name>.every=1s")
	f.Add("\ufeffmisc: {labels: {1: 2}}", "MISC__LABELS__X", "\xff", "--misc.labels.x")
	f.Add("misc: {low: 0x7fffffffffffffffffff, at: 2026-11-22}", "MISC__LOW", "0x10", "--etcd.endpoints=a,,b")
	f.Add("misc: !!binary aGVsbG8=", "MISC__ADDR", "::", "")
	f.Add("<<: {etcd: 1}", "MISC", "::", "")
	f.Fuzz(func(t *testing.T, file, name, value, arg string) {
		args := []string{arg}
		flags, err := config.Flags(sections(), args)
		require.NoError(t, err)
		in := config.Input{
			Service: "billing", ReadFile: files{"config.yaml": file}.read,
			Env: []string{"BILLING_" + name + "=" + value, name}, Sections: sections(),
		}
		if flags.Parse(args) == nil {
			in.Flags = flags
		}
		v, err := config.Load(in)
		if err != nil {
			var problems config.Problems
			require.ErrorAs(t, err, &problems)
			for _, p := range problems {
				require.NotContains(t, p.Error(), "\n")
				require.NotEmpty(t, p.Rule)
			}
		}
		require.NotNil(t, v)
		require.GreaterOrEqual(t, len(v.Effective()), 17)
		if err == nil {
			_, err = config.Get[misc](v, "misc")
			require.NoError(t, err)
		}
	})
}
