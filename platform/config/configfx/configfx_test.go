package configfx_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/fx"
	"go.uber.org/fx/fxtest"

	"example.com/baton/platform/config"
	"example.com/baton/platform/config/configfx"
)

type limits struct {
	Low  int `koanf:"low" doc:"lower end"`
	High int `koanf:"high" doc:"upper end"`
}

type names map[string]struct {
	On bool `koanf:"on" doc:"switch"`
}

var sections = fx.Options(
	configfx.Section("limits", limits{High: 10}),
	configfx.Section("names", names{}),
)

// known is what only the graph knows.
type known []string

func checkNames(k known) config.Check {
	return config.Check{Section: "names", Func: func(section any) error {
		var errs []error
		for name := range section.(names) {
			if len(k) == 0 || name != k[0] {
				errs = append(errs, config.Problem{Key: name, Rule: "nobody has this name"})
			}
		}
		return errors.Join(errs...)
	}}
}

func env(settings ...string) fx.Option {
	return configfx.Load(config.Input{Service: "billing", Env: settings})
}

func TestSectionsAreProvided(t *testing.T) {
	t.Parallel()
	var (
		l limits
		n names
	)
	fxtest.New(t, env("BILLING_LIMITS__LOW=3", "BILLING_NAMES__A__ON=true"), sections, fx.Populate(&l, &n))
	require.Equal(t, limits{Low: 3, High: 10}, l)
	require.True(t, n["a"].On)
}

func TestProblemsOfAllSectionsAreOneError(t *testing.T) {
	t.Parallel()
	// Nothing asks for a section: a configuration that is wrong is wrong all the same.
	err := fx.New(fx.NopLogger, env("BILLING_LIMITS__LOW=x", "BILLING_NAMES__A__ONN=1"), sections).Err()
	var problems config.Problems
	require.ErrorAs(t, err, &problems)
	require.EqualError(t, problems, "environment BILLING_NAMES__A__ONN: unknown key, did you mean BILLING_NAMES__A__ON?\n"+
		`limits.low: "x" must be a whole number (environment BILLING_LIMITS__LOW)`)
}

func TestChecksSeeTheGraph(t *testing.T) {
	t.Parallel()
	opts := fx.Options(fx.NopLogger, sections, fx.Supply(known{"a"}), configfx.Check(checkNames))
	require.NoError(t, fx.New(opts, env("BILLING_NAMES__A__ON=true")).Err())
	var problems config.Problems
	require.ErrorAs(t, fx.New(opts, env("BILLING_NAMES__B__ON=true")).Err(), &problems)
	require.EqualError(t, problems, "names.b: nobody has this name (environment BILLING_NAMES__B__ON)")
}

func TestLoadedUsesWhatWasReadBefore(t *testing.T) {
	t.Parallel()
	values, err := config.Load(config.Input{Service: "billing", Env: []string{"BILLING_LIMITS__LOW=4"}, Sections: []config.Section{
		config.NewSection("limits", limits{}), config.NewSection("names", names{}),
	}})
	require.NoError(t, err)
	var l limits
	fxtest.New(t, configfx.Loaded(values), sections, fx.Populate(&l))
	require.Equal(t, 4, l.Low)
}

func TestSectionsAreFoundWithoutBuildingAnything(t *testing.T) {
	t.Parallel()
	done := errors.New("done")
	var keys []string
	err := fx.New(fx.NopLogger,
		configfx.Sections(func(sections []config.Section) error {
			for _, s := range sections {
				keys = append(keys, s.Key())
			}
			return done
		}),
		sections,
		fx.Provide(func() known { t.Error("constructed"); return nil }),
		configfx.Check(checkNames),
		fx.Invoke(func(known) { t.Error("invoked") }),
	).Err()
	require.ErrorIs(t, err, done)
	require.ElementsMatch(t, []string{"limits", "names"}, keys)
}
