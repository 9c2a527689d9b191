package config_test

import (
	"errors"
	"io/fs"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/baton/pkg/secret"
	"example.com/baton/platform/config"
)

type etcd struct {
	Endpoints []string      `koanf:"endpoints" validate:"min=1" doc:"addresses"`
	Password  secret.String `koanf:"password" doc:"a secret"`
	Timeout   time.Duration `koanf:"timeout" validate:"min=1s" doc:"limit"`
	TLS       tls           `koanf:"tls" doc:"unused"`
	Internal  func()        `koanf:"-"`
}

type tls struct {
	Enabled bool   `koanf:"enabled" doc:"on or off"`
	CA      string `koanf:"ca" validate:"required_if=Enabled true" doc:"file"`
}

type job struct {
	Enabled *bool         `koanf:"enabled" doc:"whether it runs"`
	Every   time.Duration `koanf:"every" validate:"omitempty,min=1s" doc:"interval"`
	Cron    string        `koanf:"cron" doc:"expression"`
	At      *time.Time    `koanf:"at" doc:"once"`
	Retries int           `koanf:"retries" validate:"max=9" doc:"count"`
}

func (j job) Validate() error {
	if j.Every != 0 && j.Cron != "" {
		return config.Problem{Key: "cron", Value: j.Cron, Rule: "must not stand beside every"}
	}
	return nil
}

type jobs map[string]job

type misc struct {
	Level  slog.Level        `koanf:"level" doc:"level"`
	Addr   netip.AddrPort    `koanf:"addr" doc:"address"`
	Ratio  float64           `koanf:"ratio" doc:"number"`
	Small  int8              `koanf:"small" doc:"number"`
	Count  uint              `koanf:"count" doc:"number"`
	Labels map[string]string `koanf:"labels" doc:"labels"`
	Low    int               `koanf:"low" doc:"number"`
	High   int               `koanf:"high" doc:"number"`
	Codes  []int             `koanf:"codes" doc:"numbers"`
}

func (m *misc) Validate() error {
	var errs []error
	if m.Low > m.High {
		errs = append(errs, config.Problem{Key: "low", Value: m.Low, Rule: "must not be above misc.high"})
	}
	if m.Count == 13 {
		errs = append(errs, errors.New("thirteen is not a count"))
	}
	return errors.Join(errs...)
}

func sections() []config.Section {
	return []config.Section{
		config.NewSection("etcd", etcd{Endpoints: []string{"a:1", "b:2", "c:3"}, Timeout: 5 * time.Second}),
		config.NewSection("jobs", jobs{"known": {Every: time.Minute}}),
		config.NewSection("misc", misc{High: 10, Labels: map[string]string{"team": "x"}}),
	}
}

type files map[string]string

func (f files) read(path string) ([]byte, error) {
	text, ok := f[path]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return []byte(text), nil
}

// load reads with config.yaml, a further file, environment and arguments.
func load(t *testing.T, base, extra string, env, args []string) (*config.Values, error) {
	t.Helper()
	f := files{}
	in := config.Input{Service: "billing", ReadFile: f.read, Env: env, Sections: sections()}
	if base != "" {
		f["config.yaml"] = base
	}
	if extra != "" {
		f["extra.yaml"] = extra
		in.Files = []string{"extra.yaml"}
	}
	flags, err := config.Flags(sections(), args)
	require.NoError(t, err)
	require.NoError(t, flags.Parse(args))
	in.Flags = flags
	return config.Load(in)
}

func get[T any](t *testing.T, v *config.Values, key string) T {
	t.Helper()
	got, err := config.Get[T](v, key)
	require.NoError(t, err)
	return got
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	v, err := load(t, "", "", nil, nil)
	require.NoError(t, err)
	require.Equal(t, etcd{Endpoints: []string{"a:1", "b:2", "c:3"}, Timeout: 5 * time.Second}, get[etcd](t, v, "etcd"))
	require.Equal(t, jobs{"known": {Every: time.Minute}}, get[jobs](t, v, "jobs"))
}

func TestLaterLayersWin(t *testing.T) {
	t.Parallel()
	base := "etcd: {timeout: 10s, tls: {ca: base.pem}}\nmisc: {low: 1, high: 2, ratio: 0.5}\n"
	extra := "etcd: {timeout: 20s}\nmisc: {low: 3, high: 4}\n"
	env := []string{"BILLING_MISC__LOW=5", "BILLING_MISC__HIGH=6", "OTHER_MISC__LOW=100"}
	v, err := load(t, base, extra, env, []string{"--misc.high", "7"})
	require.NoError(t, err)

	require.Equal(t, 20*time.Second, get[etcd](t, v, "etcd").Timeout)
	require.Equal(t, "base.pem", get[etcd](t, v, "etcd").TLS.CA)
	m := get[misc](t, v, "misc")
	require.Equal(t, []any{0.5, 5, 7}, []any{m.Ratio, m.Low, m.High})

	source := map[string]string{}
	for _, s := range v.Effective() {
		source[s.Key] = s.Source
	}
	require.Equal(t, "config.yaml", source["etcd.tls.ca"])
	require.Equal(t, "--config extra.yaml", source["etcd.timeout"])
	require.Equal(t, "environment BILLING_MISC__LOW", source["misc.low"])
	require.Equal(t, "flag --misc.high", source["misc.high"])
	require.Equal(t, "default", source["etcd.endpoints"])
	require.Equal(t, "default", source["misc.small"])
}

func TestListsAreReplacedAndMapsMerged(t *testing.T) {
	t.Parallel()
	v, err := load(t, "etcd: {endpoints: [x:1]}\nmisc: {labels: {zone: a}}", "",
		[]string{"BILLING_JOBS__CLOSE_OVERDUE__EVERY=30s"}, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"x:1"}, get[etcd](t, v, "etcd").Endpoints)
	require.Equal(t, map[string]string{"team": "x", "zone": "a"}, get[misc](t, v, "misc").Labels)
	require.Equal(t, jobs{"known": {Every: time.Minute}, "close_overdue": {Every: 30 * time.Second}}, get[jobs](t, v, "jobs"))
}

func TestDefaultsAreNotWrittenTo(t *testing.T) {
	t.Parallel()
	defaults := etcd{Endpoints: []string{"a:1", "b:2"}, Timeout: time.Second}
	_, err := config.Load(config.Input{
		Service:  "billing",
		Env:      []string{"BILLING_ETCD__ENDPOINTS=z:9"},
		Sections: []config.Section{config.NewSection("etcd", defaults)},
	})
	require.NoError(t, err)
	require.Equal(t, []string{"a:1", "b:2"}, defaults.Endpoints)
}

func TestEveryTypeFromEveryLayer(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)
	yes := true
	want := misc{
		Level: slog.LevelDebug, Addr: netip.MustParseAddrPort("127.0.0.1:80"), Ratio: 0.25, Small: -8, Count: 9,
		Labels: map[string]string{"team": "y"}, Low: 1, High: 2, Codes: []int{200, 404},
	}
	wantJob := job{Enabled: &yes, At: &at, Retries: 3}

	fromFile := `
misc: {level: debug, addr: "127.0.0.1:80", ratio: 0.25, small: -8, count: 9, labels: {team: y}, low: 1, high: 2, codes: [200, 404]}
jobs: {once: {enabled: true, at: 2026-11-22T04:00:00Z, retries: 3}}
`
	var env, args []string
	for key, text := range map[string]string{
		"misc.level": "debug", "misc.addr": "127.0.0.1:80", "misc.ratio": "0.25", "misc.small": "-8", "misc.count": "9",
		"misc.labels.team": "y", "misc.low": "1", "misc.high": "2", "misc.codes": "200, 404",
		"jobs.once.enabled": "true", "jobs.once.at": "2026-11-22T04:00:00Z", "jobs.once.retries": "3",
	} {
		env = append(env, config.EnvName("billing", key)+"="+text)
		args = append(args, "--"+key+"="+text)
	}
	for name, c := range map[string]struct {
		file      string
		env, args []string
	}{"file": {file: fromFile}, "environment": {env: env}, "flags": {args: args}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, err := load(t, c.file, "", c.env, c.args)
			require.NoError(t, err)
			require.Equal(t, want, get[misc](t, v, "misc"))
			require.Equal(t, wantJob, get[jobs](t, v, "jobs")["once"])
		})
	}
}

func TestSwitchFlagNeedsNoValue(t *testing.T) {
	t.Parallel()
	v, err := load(t, "", "", nil, []string{"--etcd.tls.enabled", "--etcd.tls.ca=x", "--jobs.a.enabled=false", "--etcd.endpoints", "p:1,q:2", "--etcd.endpoints=r:3"})
	require.NoError(t, err)
	require.True(t, get[etcd](t, v, "etcd").TLS.Enabled)
	require.False(t, *get[jobs](t, v, "jobs")["a"].Enabled)
	require.Equal(t, []string{"p:1", "q:2", "r:3"}, get[etcd](t, v, "etcd").Endpoints)
}

func TestKubernetesServiceLinksAreNotKeys(t *testing.T) {
	t.Parallel()
	_, err := load(t, "", "", []string{
		"BILLING_SERVICE_HOST=10.0.0.1", "BILLING_SERVICE_PORT=80", "BILLING_SERVICE_PORT_HTTP=80",
		"BILLING_PORT=tcp://10.0.0.1:80", "BILLING_PORT_80_TCP=tcp://10.0.0.1:80", "BILLING_PORT_80_TCP_ADDR=10.0.0.1",
		"BILLING_DB_PORT_5432_TCP_PROTO=tcp",
	}, nil)
	require.NoError(t, err)
}

func TestGetWithAnotherType(t *testing.T) {
	t.Parallel()
	v, err := load(t, "", "", nil, nil)
	require.NoError(t, err)
	_, err = config.Get[jobs](v, "etcd")
	require.EqualError(t, err, `config: section "etcd" is a config_test.etcd, not a config_test.jobs`)
	_, err = config.Get[jobs](v, "nobody")
	require.EqualError(t, err, `config: no section "nobody"`)
}

func TestSectionsDeclaredWrongly(t *testing.T) {
	t.Parallel()
	type recursive struct {
		Next *recursive `koanf:"next"`
	}
	for want, s := range map[string][]config.Section{
		"needs a plain koanf tag": {config.NewSection("x", struct{ A int }{})},
		"declares key \"a\" twice": {config.NewSection("x", struct {
			A int `koanf:"a"`
			B int `koanf:"a"`
		}{})},
		"cannot be configured": {config.NewSection("x", struct {
			A chan int `koanf:"a"`
		}{})},
		"is declared twice": {config.NewSection("x", tls{}), config.NewSection("x", tls{})},
		"nests too deep":    {config.NewSection("x", recursive{})},
		"single value":      {config.NewSection("x", 5)},
	} {
		_, err := config.Load(config.Input{Service: "billing", Sections: s})
		require.ErrorContains(t, err, want)
		var problems config.Problems
		require.NotErrorAs(t, err, &problems, "a mistake of the programmer, not of the operator")
	}
	_, err := config.Load(config.Input{Service: "Billing"})
	require.ErrorContains(t, err, "service name")
}
