package platformfx_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/fx"
	"go.uber.org/goleak"

	"example.com/baton/pkg/secret"
	"example.com/baton/platform/config"
	"example.com/baton/platform/config/configfx"
	"example.com/baton/platform/lifecyclefx"
	"example.com/baton/platform/platformfx"
)

// asService makes the test binary be the service instead: tests of Main need a process to end.
const asService = "PLATFORMFX_TEST_SERVICE"

func TestMain(m *testing.M) {
	if os.Getenv(asService) != "" {
		platformfx.Main("billing", service)
	}
	goleak.VerifyTestMain(m)
}

// trouble is the section of the test service with which it is told what to do.
type trouble struct {
	Password  secret.String `koanf:"password" doc:"a secret"`
	Die       bool          `koanf:"die" doc:"let a loop fail"`
	Hang      bool          `koanf:"hang" doc:"let a loop ignore that it should stop"`
	Construct bool          `koanf:"construct" doc:"let a constructor fail"`
	Start     bool          `koanf:"start" doc:"let a start hook fail"`
	Check     int           `koanf:"check" doc:"a number that a check refuses when it is not 0"`
}

type worker struct{ trouble trouble }

func newWorker(t trouble) (*worker, error) {
	if t.Construct {
		return nil, errors.Join(errors.New("first reason"), errors.New("second reason"))
	}
	return &worker{t}, nil
}

func (w *worker) run(ctx context.Context) error {
	if w.trouble.Die {
		return errors.New("out of paper")
	}
	<-ctx.Done()
	if w.trouble.Hang {
		select {}
	}
	return nil
}

var service = fx.Module("service",
	configfx.Section("trouble", trouble{}),
	configfx.Check(func() config.Check {
		return config.Check{Section: "trouble", Func: func(section any) error {
			if n := section.(trouble).Check; n != 0 {
				return config.Problem{Key: "check", Value: n, Rule: "must be what the graph says"}
			}
			return nil
		}}
	}),
	fx.Provide(newWorker),
	fx.Invoke(func(loops *lifecyclefx.Loops, lc fx.Lifecycle, w *worker) {
		lifecyclefx.Go(loops, "worker", w.run)
		lc.Append(fx.StartHook(func() error {
			if w.trouble.Start {
				return errors.New("no paper to start with")
			}
			return nil
		}))
	}),
	jobs,
)

type command struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer
}

// command prepares the service with arguments; settings are environment variables.
func newCommand(t *testing.T, settings []string, args ...string) *command {
	t.Helper()
	c := &command{Cmd: exec.CommandContext(t.Context(), os.Args[0], args...)}
	c.Dir = t.TempDir()
	c.Env = append([]string{asService + "=1", "BILLING_HTTP__ADDRESS=127.0.0.1:0", "BILLING_ETCD__ENDPOINTS=127.0.0.1:1"}, settings...)
	c.Stdout, c.Stderr = &c.stdout, &c.stderr
	return c
}

// result runs the command to its end.
func (c *command) result(t *testing.T) (code int, stdout, stderr string) {
	t.Helper()
	err := c.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), c.stdout.String(), c.stderr.String()
	}
	require.NoError(t, err)
	return 0, c.stdout.String(), c.stderr.String()
}

// serving starts the command and returns when it logged that it serves. The rest of standard error
// comes from the function it returns, which waits for the end.
func (c *command) serving(t *testing.T) (end func() (code int, stderr string)) {
	t.Helper()
	c.Stderr = nil
	pipe, err := c.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		if strings.Contains(lines.Text(), `msg="service started"`) {
			return func() (int, string) {
				rest, err := io.ReadAll(pipe)
				require.NoError(t, err)
				_ = c.Wait()
				return c.ProcessState.ExitCode(), string(rest)
			}
		}
		c.stderr.WriteString(lines.Text() + "\n")
	}
	t.Fatalf("did not start: %s", c.stderr.String())
	return nil
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{}, {"serve"}, {"jobs"}, {"run"}, {"config"}, {"version"}} {
		code, stdout, stderr := newCommand(t, nil, append(args, "--help")...).result(t)
		require.Zero(t, code, stderr)
		require.Contains(t, stdout, "Examples:\n  billing", args)
		require.Contains(t, stdout, "--http.address text", args)
		require.Contains(t, stdout, "--config file", args)
	}
}

func TestBadCommandLine(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"billing: unknown flag: --http.adress, did you mean --http.address?": {"--http.adress", "x"},
		"billing: unknown flag: --nope":                                      {"serve", "--nope"},
		`billing: unknown command "sreve" for "billing"`:                     {"sreve"},
		"billing: flag needs an argument: --http.address":                    {"--http.address"},
		`billing: no job "close_overdeu", did you mean close_overdue?`:       {"run", "close_overdeu"},
		`billing: no job "zzz"; the jobs are close_overdue, fail`:            {"run", "zzz"},
		`billing: --due "noon": must be a time, as in 2026-11-22T04:00:00Z`:  {"run", "close_overdue", "--due", "noon"},
		"billing: accepts 1 arg(s), received 0":                              {"run"},
	} {
		code, stdout, stderr := newCommand(t, nil, args...).result(t)
		require.Equal(t, 2, code, args)
		require.Equal(t, want+"\nbilling: see 'billing --help'\n", stderr)
		require.Empty(t, stdout)
	}
}

func TestBadConfiguration(t *testing.T) {
	t.Parallel()
	c := newCommand(t, []string{"BILLING_LOG__FORMAT=xml", "BILLING_TRUBLE__DIE=true"}, "serve", "--config", "more.yaml", "--config", "none.yaml")
	require.NoError(t, os.WriteFile(filepath.Join(c.Dir, "config.yaml"), []byte("shutdown: {timeout: 30}\nhtpp: {}\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(c.Dir, "more.yaml"), []byte("instance: {id: a/b}\n"), 0o600))
	code, _, stderr := c.result(t)
	require.Equal(t, 2, code)
	require.Equal(t, strings.Join([]string{
		`billing: --config none.yaml: no such file or directory`,
		`billing: environment BILLING_TRUBLE__DIE: unknown key, did you mean BILLING_TROUBLE__DIE?`,
		`billing: htpp: unknown key, did you mean http? (config.yaml)`,
		`billing: instance.id: "a/b" must be 1 to 128 letters, digits, '.', '_' or '-', the first a letter or digit (--config more.yaml)`,
		`billing: log.format: "xml" must be one of text, json (environment BILLING_LOG__FORMAT)`,
		`billing: shutdown.timeout: 30 needs a unit, as in "30s" (config.yaml)`,
	}, "\n")+"\n", stderr)
}

// TestBadConfigurationThatTheGraphKnows: what a file's form can't tell is told in one go with what it
// can, except for checks that need a section which is wrong itself.
func TestBadConfigurationThatTheGraphKnows(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"serve", "jobs"} {
		c := newCommand(t, []string{"BILLING_LOG__FORMAT=xml", "BILLING_SCHEDULING__HISTORY=0"}, command)
		require.NoError(t, os.WriteFile(filepath.Join(c.Dir, "config.yaml"), []byte("jobs: {close_overdu: {every: 1m}, close_overdue: {every: 500ms}}\n"), 0o600))
		code, _, stderr := c.result(t)
		require.Equal(t, 2, code)
		require.Equal(t, strings.Join([]string{
			`billing: jobs.close_overdu: is no job of this service, did you mean close_overdue? (config.yaml)`,
			`billing: jobs.close_overdue.every: "500ms" must be at least 1s (config.yaml)`,
			`billing: log.format: "xml" must be one of text, json (environment BILLING_LOG__FORMAT)`,
			`billing: scheduling.history: 0 must be at least 1 (environment BILLING_SCHEDULING__HISTORY)`,
		}, "\n")+"\n", stderr)
	}
}

func TestTheStopIsLongerThanTheDrain(t *testing.T) {
	t.Parallel()
	code, _, stderr := newCommand(t, []string{"BILLING_SHUTDOWN__TIMEOUT=10s"}, "serve").result(t)
	require.Equal(t, 2, code)
	require.Equal(t, "billing: shutdown.timeout: 10s must be more than scheduling.drain, 10s (environment BILLING_SHUTDOWN__TIMEOUT)\n", stderr)
}

func TestFailuresAreToldWithoutTheStoryOfTheGraph(t *testing.T) {
	t.Parallel()
	busy, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = busy.Close() }()

	for arg, want := range map[string]struct {
		code   int
		stderr string
	}{
		"--trouble.construct":                    {1, "billing: first reason\nbilling: second reason\n"},
		"--trouble.start":                        {1, "billing: no paper to start with\n"},
		"--trouble.check=7":                      {2, "billing: trouble.check: 7 must be what the graph says (flag --trouble.check)\n"},
		"--http.address=" + busy.Addr().String(): {1, "billing: http.address " + busy.Addr().String() + ": bind: address already in use\n"},
	} {
		code, _, stderr := newCommand(t, nil, arg, "--log.level=error").result(t)
		require.Equal(t, want.code, code, arg)
		require.Equal(t, want.stderr, stderr, arg)
	}
}

func TestSignalsStopTheService(t *testing.T) {
	t.Parallel()
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		c := newCommand(t, nil)
		end := c.serving(t)
		require.NoError(t, c.Process.Signal(signal))
		code, stderr := end()
		require.Zero(t, code, stderr)
	}
}

func TestSecondSignalEndsTheProcess(t *testing.T) {
	t.Parallel()
	c := newCommand(t, nil, "--trouble.hang", "--log.level=info")
	c.Stderr = nil
	pipe, err := c.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	var last string
	for lines := bufio.NewScanner(pipe); lines.Scan(); {
		last = lines.Text()
		if strings.Contains(last, "service started") || strings.Contains(last, "service stopping") {
			require.NoError(t, c.Process.Signal(syscall.SIGTERM))
		}
	}
	_ = c.Wait()
	require.Equal(t, 1, c.ProcessState.ExitCode())
	require.Equal(t, "billing: second signal, stopping without cleaning up", last)
}

func TestStopThatTakesTooLong(t *testing.T) {
	t.Parallel()
	c := newCommand(t, nil, "--trouble.hang", "--shutdown.timeout=1s", "--scheduling.drain=500ms")
	end := c.serving(t)
	require.NoError(t, c.Process.Signal(syscall.SIGTERM))
	code, stderr := end()
	require.Equal(t, 1, code)
	require.Equal(t, "billing: not stopped within 1s: still running: worker, election, http server", lastLine(stderr))
}

func TestDeathOfALoop(t *testing.T) {
	t.Parallel()
	code, _, stderr := newCommand(t, nil, "--trouble.die").result(t)
	require.Equal(t, 1, code)
	require.Equal(t, "billing: worker: out of paper", lastLine(stderr))
}

func TestConfigCommand(t *testing.T) {
	t.Parallel()
	settings := []string{"BILLING_TROUBLE__PASSWORD=hunter2"}
	code, stdout, stderr := newCommand(t, settings, "config", "--data.dir", "/var/lib/billing").result(t)
	require.Zero(t, code, stderr)
	require.NotContains(t, stdout, "hunter2")
	require.Regexp(t, `(?m)^trouble\.password +\[redacted\] +environment BILLING_TROUBLE__PASSWORD$`, stdout)
	require.Regexp(t, `(?m)^data\.dir +/var/lib/billing +flag --data.dir$`, stdout)
	require.Regexp(t, `(?m)^shutdown\.timeout +30s +default$`, stdout)

	code, stdout, stderr = newCommand(t, settings, "config", "--json").result(t)
	require.Zero(t, code, stderr)
	var got []config.Setting
	require.NoError(t, json.Unmarshal([]byte(stdout), &got))
	require.Contains(t, got, config.Setting{Key: "trouble.password", Value: "[redacted]", Source: "environment BILLING_TROUBLE__PASSWORD"})
	require.Contains(t, got, config.Setting{Key: "telemetry.runtime_metrics", Value: true, Source: "default"})
}

func TestVersionCommand(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := newCommand(t, []string{"BILLING_NO__SUCH__KEY=1"}, "version", "--json").result(t)
	require.Zero(t, code, stderr)
	var got map[string]any
	require.NoError(t, json.Unmarshal([]byte(stdout), &got))
	require.Equal(t, "billing", got["service"])
	require.Contains(t, got["go"], "go1.")

	_, stdout, _ = newCommand(t, nil, "version").result(t)
	require.Regexp(t, `^billing \S+ .*go1\.\S+\n$`, stdout)
}

func TestJobsCommand(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := newCommand(t, nil, "jobs").result(t)
	require.Zero(t, code, stderr)
	require.Regexp(t, `(?m)^close_overdue +every 5m +\d{4}-\S+Z +default +latest within 24h +skip_new$`, stdout)

	code, stdout, stderr = newCommand(t, nil, "jobs", "--json").result(t)
	require.Zero(t, code, stderr)
	var got []map[string]any
	require.NoError(t, json.Unmarshal([]byte(stdout), &got))
	require.Len(t, got, 2)
	require.Equal(t, "close_overdue", got[0]["name"])
	next, err := time.Parse(time.RFC3339, got[0]["next"].(string))
	require.NoError(t, err)
	require.True(t, next.After(time.Now()))
}

func TestRunCommand(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := newCommand(t, []string{"BILLING_LOG__FORMAT=json"}, "run", "close_overdue", "--due", "2026-11-22T04:00:00Z").result(t)
	require.Zero(t, code, stderr)
	require.Equal(t, "closing close_overdue@20261122T040000Z manual\n", stdout)
	require.Contains(t, stderr, `"msg":"run finished"`)
	require.Contains(t, stderr, `"result":"success"`)
	require.NotContains(t, stderr, "http server listens", "a replica may be running on this machine")

	code, _, stderr = newCommand(t, nil, "run", "fail").result(t)
	require.Equal(t, 1, code)
	require.Equal(t, "billing: no money", lastLine(stderr))
}
