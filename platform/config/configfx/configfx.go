// Package configfx puts configuration sections into an fx graph.
package configfx

import (
	"go.uber.org/fx"

	"example.com/baton/platform/config"
)

const (
	sections = `group:"config.sections"`
	checks   = `group:"config.checks"`
)

// Section declares a section of the configuration and provides its decoded value as a T. Every T has
// to be a type of its own, since the graph is keyed by type.
func Section[T any](key string, defaults T) fx.Option {
	return fx.Module("config "+key,
		fx.Supply(fx.Annotate(config.NewSection(key, defaults), fx.ResultTags(sections))),
		fx.Provide(func(v *config.Values) (T, error) { return config.Get[T](v, key) }),
	)
}

// Check adds a rule that needs the graph. constructor returns a config.Check and may depend on
// anything; it is called on every start, before anything is started, so its dependencies should be
// cheap to build.
func Check(constructor any) fx.Option {
	return fx.Provide(fx.Annotate(constructor, fx.ResultTags(checks)))
}

// SectionsParams are the declared sections.
type SectionsParams struct {
	fx.In

	Sections []config.Section `group:"config.sections"`
}

// ChecksParams are the rules that need the graph.
type ChecksParams struct {
	fx.In

	Values *config.Values
	Checks []config.Check `group:"config.checks"`
}

// Load reads the configuration from in, whose sections are the ones declared in the graph, and
// applies the checks.
func Load(in config.Input) fx.Option {
	return fx.Module("config",
		fx.Provide(func(p SectionsParams) (*config.Values, error) {
			in.Sections = p.Sections
			return config.Load(in)
		}),
		fx.Invoke(check),
	)
}

// Loaded uses a configuration that was read before, and applies the checks.
func Loaded(values *config.Values) fx.Option {
	return fx.Module("config", fx.Supply(values), fx.Invoke(check))
}

func check(p ChecksParams) error { return p.Values.Check(p.Checks...) }

// Sections hands the declared sections to use and keeps the app from being built any further. It has
// to come before every option that invokes something.
func Sections(use func([]config.Section) error) fx.Option {
	return fx.Module("config sections", fx.Invoke(func(p SectionsParams) error { return use(p.Sections) }))
}
