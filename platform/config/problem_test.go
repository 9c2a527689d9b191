package config_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/baton/platform/config"
)

// TestOneProblem pins the words: they are the part of this package that people read.
func TestOneProblem(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file, env, flag string
		want            string
	}{
		"bare number":          {file: "etcd: {timeout: 30}", want: `etcd.timeout: 30 needs a unit, as in "30s" (config.yaml)`},
		"quoted bare number":   {file: `etcd: {timeout: "30"}`, want: `etcd.timeout: "30" needs a unit, as in "30s" (config.yaml)`},
		"bare number in env":   {env: "BILLING_ETCD__TIMEOUT=30", want: `etcd.timeout: "30" needs a unit, as in "30s" (environment BILLING_ETCD__TIMEOUT)`},
		"bare number in flag":  {flag: "--jobs.a.every=1.5", want: `jobs.a.every: "1.5" needs a unit, as in "30s" (flag --jobs.a.every)`},
		"not a duration":       {file: "etcd: {timeout: soon}", want: `etcd.timeout: "soon" must be a duration, as in "30s" (config.yaml)`},
		"rule":                 {file: "etcd: {timeout: 5ms}", want: `etcd.timeout: "5ms" must be at least 1s (config.yaml)`},
		"rule in a table":      {env: "BILLING_JOBS__A__RETRIES=10", want: `jobs.a.retries: 10 must be at most 9 (environment BILLING_JOBS__A__RETRIES)`},
		"rule on a list":       {env: "BILLING_ETCD__ENDPOINTS=", want: `etcd.endpoints: [] must be at least 1 entries long (environment BILLING_ETCD__ENDPOINTS)`},
		"unknown key":          {file: "etcd: {timeot: 5s}", want: `etcd.timeot: unknown key, did you mean etcd.timeout? (config.yaml)`},
		"unknown section":      {file: "etcdd: {timeout: 5s}", want: `etcdd: unknown key, did you mean etcd? (config.yaml)`},
		"far from anything":    {file: "completely: {different: 5s}", want: `completely: unknown key (config.yaml)`},
		"unknown in a table":   {file: "jobs: {a: {evry: 5s}}", want: `jobs.a.evry: unknown key, did you mean jobs.a.every? (config.yaml)`},
		"unknown in env":       {env: "BILLING_JOBS__A__EVRY=5s", want: `environment BILLING_JOBS__A__EVRY: unknown key, did you mean BILLING_JOBS__A__EVERY?`},
		"one underscore":       {env: "BILLING_ETCD_TIMEOUT=5s", want: `environment BILLING_ETCD_TIMEOUT: unknown key, did you mean BILLING_ETCD__TIMEOUT?`},
		"three underscores":    {env: "BILLING___TIMEOUT=5s", want: `environment BILLING___TIMEOUT: unknown key, did you mean BILLING_ETCD__TIMEOUT?`},
		"below a leaf":         {env: "BILLING_ETCD__TIMEOUT__X=5s", want: `environment BILLING_ETCD__TIMEOUT__X: unknown key, did you mean BILLING_ETCD__TIMEOUT?`},
		"prefix alone":         {env: "BILLING_=5s", want: `environment BILLING_: unknown key`},
		"section in env":       {env: "BILLING_ETCD__TLS=5s", want: `environment BILLING_ETCD__TLS: is the name of a section, not of a key`},
		"lower case in env":    {env: "BILLING_Etcd__Timeout=5s", want: `environment BILLING_Etcd__Timeout: must be in upper case`},
		"empty name in env":    {env: "BILLING_JOBS____EVERY=5s", want: `environment BILLING_JOBS____EVERY: unknown key`},
		"map for a scalar":     {file: "etcd: {timeout: {a: 1}}", want: `etcd.timeout: must be a duration, as in "30s", not a mapping (config.yaml)`},
		"list for a scalar":    {file: "misc: {low: [1]}", want: `misc.low: [1] must be a whole number, not a list (config.yaml)`},
		"scalar for a map":     {file: "etcd: 5", want: `etcd: must be a mapping of keys to values (config.yaml)`},
		"scalar for a list":    {file: "etcd: {endpoints: a}", want: `etcd.endpoints: "a" must be a list, as in [a, b] (config.yaml)`},
		"number for text":      {file: "jobs: {a: {cron: 007}}", want: `jobs.a.cron: 7 must be text; put it in quotes (config.yaml)`},
		"text for a number":    {file: `misc: {low: "7"}`, want: `misc.low: "7" must be a whole number (config.yaml)`},
		"fraction":             {file: `misc: {low: 7.5}`, want: `misc.low: 7.5 must be a whole number (config.yaml)`},
		"negative":             {file: `misc: {count: -1}`, want: `misc.count: -1 must be a whole number, not negative (config.yaml)`},
		"too big":              {file: `misc: {small: 128}`, want: `misc.small: 128 is out of range for a number of 8 bits (config.yaml)`},
		"huge":                 {file: `misc: {low: 18446744073709551615}`, want: `misc.low: 18446744073709551615 is out of range for a number of 64 bits (config.yaml)`},
		"huge in env":          {env: `BILLING_MISC__LOW=99999999999999999999`, want: `misc.low: "99999999999999999999" is out of range for a number of 64 bits (environment BILLING_MISC__LOW)`},
		"not a number":         {file: `misc: {ratio: .nan}`, want: `misc.ratio: NaN must be a number (config.yaml)`},
		"yes":                  {file: `etcd: {tls: {enabled: yes}}`, want: `etcd.tls.enabled: "yes" must be true or false (config.yaml)`},
		"bad item":             {file: `misc: {codes: [1, two]}`, want: `misc.codes: [1 two] item 2 must be a whole number (config.yaml)`},
		"nothing":              {file: "etcd:\n  timeout:\n", want: `etcd.timeout: has no value; give one or remove the key (config.yaml)`},
		"nothing in env":       {env: "BILLING_MISC__LOW=", want: `misc.low: "" has no value; give one or remove the key (environment BILLING_MISC__LOW)`},
		"dotted name":          {file: `jobs: {"a.b": {every: 5s}}`, want: `jobs.a.b: names must not be empty or hold a dot (config.yaml)`},
		"key is a number":      {file: `jobs: {7: {every: 5s}}`, want: `jobs: has a key that is not text (config.yaml)`},
		"two keys":             {file: "etcd: {timeout: 5s}\netcd: {timeout: 5s}", want: `config.yaml: yaml: unmarshal errors: line 2: mapping key "etcd" already defined at line 1`},
		"broken":               {file: "etcd: {timeout: 5s", want: `config.yaml: yaml: line 1: did not find expected ',' or '}'`},
		"a list":               {file: "- a", want: `config.yaml: not a mapping of keys to values`},
		"method on an entry":   {file: "jobs: {a: {every: 5s, cron: x}}", want: `jobs.a.cron: "x" must not stand beside every (config.yaml)`},
		"method on a pointer":  {env: "BILLING_MISC__LOW=11", want: `misc.low: 11 must not be above misc.high (environment BILLING_MISC__LOW)`},
		"plain error":          {file: "misc: {count: 13}", want: `misc: thirteen is not a count`},
		"secret of wrong type": {file: "etcd: {password: [hunter2]}", want: `etcd.password: must be text, not a list (config.yaml)`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var env, args []string
			if c.env != "" {
				env = []string{c.env}
			}
			if c.flag != "" {
				args = []string{c.flag}
			}
			_, err := load(t, c.file, "", env, args)
			require.EqualError(t, err, c.want)
		})
	}
}

func TestEmptyAndMarkedFiles(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "\n", "# nothing\n", "---\n", "\ufeffetcd: {timeout: 5s}\n", "etcd:\n#  timeout: 5s\n"} {
		_, err := load(t, "", text, nil, nil)
		if text != "" {
			require.NoError(t, err, "%q", text)
		}
	}
}

func TestAllProblemsAtOnceSortedByKey(t *testing.T) {
	t.Parallel()
	_, err := load(t, "misc: {low: x}\nnope: 1\n", "etcd: {timeout: 3, endpoints: []}",
		[]string{"BILLING_JOBS__A__EVERY=1ms"}, []string{"--misc.small=x"})
	require.EqualError(t, err, strings.Join([]string{
		`etcd.endpoints: [] must be at least 1 entries long (--config extra.yaml)`,
		`etcd.timeout: 3 needs a unit, as in "30s" (--config extra.yaml)`,
		`jobs.a.every: "1ms" must be at least 1s (environment BILLING_JOBS__A__EVERY)`,
		`misc.low: "x" must be a whole number (config.yaml)`,
		`misc.small: "x" must be a whole number (flag --misc.small)`,
		`nope: unknown key (config.yaml)`,
	}, "\n"))
	var first config.Problem
	require.ErrorAs(t, err, &first)
	require.Equal(t, "etcd.endpoints", first.Key)
}

func TestMissingFile(t *testing.T) {
	t.Parallel()
	_, err := config.Load(config.Input{
		Service: "billing", ReadFile: files{}.read, Files: []string{"prod.yaml"}, Sections: sections(),
	})
	require.EqualError(t, err, "--config prod.yaml: file does not exist")
}

func TestSecretsAreNeverShown(t *testing.T) {
	t.Parallel()
	const hunter = "hunter2"
	for _, file := range []string{
		"etcd: {password: hunter2}", "etcd: {password: {a: hunter2}}", "etcd: {password: [hunter2]}",
		"etcd: {pasword: hunter2}", "etcd: {password: *hunter2}", "etcd: {password: !hunter2 x}", "hunter2", "etcd: {tls: hunter2}", "etcd: hunter2",
	} {
		v, err := load(t, file, "", nil, nil)
		require.NotContains(t, fmt.Sprint(err), hunter, file)
		require.NotContains(t, fmt.Sprint(v.Effective()), hunter, file)
	}
	_, err := load(t, "etcd: {password: *hunter2}", "", nil, nil)
	require.EqualError(t, err, "config.yaml: an alias without its anchor; text that begins with '*' needs quotes")
	v, err := load(t, "", "", []string{"BILLING_ETCD__PASSWORD=" + hunter}, nil)
	require.NoError(t, err)
	require.Equal(t, hunter, get[etcd](t, v, "etcd").Password.Reveal())
	require.Contains(t, v.Effective(), config.Setting{
		Key: "etcd.password", Value: "[redacted]", Source: "environment BILLING_ETCD__PASSWORD",
	})
}

func TestSectionsWithoutProblemsStayUsable(t *testing.T) {
	t.Parallel()
	v, err := load(t, "etcd: {timeout: 3}\nmisc: {low: 4}", "", nil, nil)
	require.Error(t, err)
	require.Equal(t, 4, get[misc](t, v, "misc").Low)
	_, err = config.Get[etcd](v, "etcd")
	require.EqualError(t, err, `etcd.timeout: 3 needs a unit, as in "30s" (config.yaml)`)
}

func TestChecks(t *testing.T) {
	t.Parallel()
	known := config.Check{Section: "jobs", Func: func(section any) error {
		var errs []error
		for name := range section.(jobs) {
			if name != "known" {
				errs = append(errs, config.Problem{Key: name, Rule: "no such job"})
			}
		}
		return errors.Join(errs...)
	}}
	v, err := load(t, "jobs: {a: {every: 5s}, b: {every: 5s}}", "", nil, nil)
	require.NoError(t, err)
	require.EqualError(t, v.Check(known), "jobs.a: no such job (config.yaml)\njobs.b: no such job (config.yaml)")

	v, err = load(t, "etcd: {timeout: 3}\njobs: {a: {every: 5s}}", "", nil, nil)
	require.Error(t, err)
	require.EqualError(t, v.Check(known),
		"etcd.timeout: 3 needs a unit, as in \"30s\" (config.yaml)\njobs.a: no such job (config.yaml)", "told together")

	v, err = load(t, "jobs: {a: {every: 5}}", "", nil, nil)
	require.Error(t, err)
	require.EqualError(t, v.Check(known), `jobs.a.every: 5 needs a unit, as in "30s" (config.yaml)`,
		"a check is not asked about a section that is broken")

	require.ErrorContains(t, v.Check(config.Check{Section: "nobody"}), "which nobody declared")
}
