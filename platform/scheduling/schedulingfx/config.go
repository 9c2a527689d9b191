package schedulingfx

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"example.com/baton/platform/config"
	"example.com/baton/platform/election"
	"example.com/baton/platform/scheduling"
)

// Config is the section scheduling.
type Config struct {
	Groups  []string      `koanf:"groups" validate:"required" doc:"election groups over which the jobs are spread"`
	Drain   time.Duration `koanf:"drain" validate:"gt=0s" doc:"how long runs may go on after a graceful stop has begun"`
	History int           `koanf:"history" validate:"min=1,max=100000" doc:"how many runs of a job the ledger keeps"`
}

// DefaultConfig is one group.
func DefaultConfig() Config {
	return Config{Groups: []string{scheduling.DefaultGroup}, Drain: 10 * time.Second, History: 200}
}

// Validate checks the names of the groups.
func (c Config) Validate() error {
	var problems []error
	for i, group := range c.Groups {
		if election.ValidateGroup(group) != nil {
			problems = append(problems, config.Problem{Key: "groups", Value: group, Rule: "must be lower-case letters, digits, '.', '_' and '-'"})
		}
		if slices.Contains(c.Groups[:i], group) {
			problems = append(problems, config.Problem{Key: "groups", Value: group, Rule: "must be named once"})
		}
	}
	return errors.Join(problems...)
}

// Overrides is the section jobs: what the configuration says about jobs by name.
type Overrides map[string]Override

// Override changes one job. What is not given stays as declared.
type Override struct {
	Enabled *bool          `koanf:"enabled" doc:"false takes the job out"`
	Every   *time.Duration `koanf:"every" doc:"interval, aligned to the clock; replaces the schedule"`
	Cron    string         `koanf:"cron" doc:"cron expression of five or six fields; replaces the schedule"`
	Zone    string         `koanf:"zone" doc:"time zone of cron, from the IANA database"`
	At      time.Time      `koanf:"at" doc:"a single time, RFC 3339; replaces the schedule"`
	Timeout *time.Duration `koanf:"timeout" validate:"omitnil,min=0s" doc:"longest time an attempt takes; 0s: no limit"`
	Group   string         `koanf:"group" doc:"election group whose leader runs the job"`
}

// disabled reports whether the job is taken out.
func (o Override) disabled() bool { return o.Enabled != nil && !*o.Enabled }

// schedules returns the schedules that the override asks for. More than one is a
// problem.
func (o Override) schedules() []scheduling.Schedule {
	var all []scheduling.Schedule
	if o.Every != nil {
		all = append(all, scheduling.Every(*o.Every))
	}
	if o.Cron != "" {
		all = append(all, scheduling.Cron(o.Cron, o.Zone))
	}
	if !o.At.IsZero() {
		all = append(all, scheduling.At(o.At))
	}
	return all
}

func (o Override) apply(job *scheduling.Job) {
	if s := o.schedules(); len(s) > 0 {
		job.Schedule = s[0]
	}
	if o.Timeout != nil {
		job.Timeout = *o.Timeout
	}
	if o.Group != "" {
		job.Group = o.Group
	}
}

// problems checks one override by itself.
func (o Override) problems(name string) []error {
	var problems []error
	schedules := o.schedules()
	if len(schedules) > 1 {
		problems = append(problems, config.Problem{Key: name, Rule: "must have at most one of every, cron and at"})
	}
	if o.Zone != "" && o.Cron == "" {
		problems = append(problems, config.Problem{Key: name + ".zone", Value: o.Zone, Rule: "must be given together with cron"})
	}
	for _, s := range schedules {
		problems = append(problems, placed(name, s.Validate())...)
	}
	return problems
}

// placed gives each thing wrong with a schedule the key it was configured by.
func placed(name string, err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // this error, not one it wraps
		var all []error
		for _, inner := range joined.Unwrap() {
			all = append(all, placed(name, inner)...)
		}
		return all
	}
	if invalid, ok := errors.AsType[*scheduling.InvalidError](err); ok {
		return []error{config.Problem{Key: name + "." + invalid.Field, Value: invalid.Value, Rule: invalid.Rule}}
	}
	return []error{config.Problem{Key: name, Rule: err.Error()}}
}

// checkOverrides reports every problem of the section jobs. Groups may be nil, when
// they are not known.
func checkOverrides(overrides Overrides, groups, names []string) error {
	var problems []error
	for name, o := range overrides {
		if !slices.Contains(names, name) {
			rule := "is no job of this service"
			if near := config.Nearest(name, names); near != "" {
				rule += fmt.Sprintf(", did you mean %s?", near)
			}
			problems = append(problems, config.Problem{Key: name, Rule: rule})
			continue
		}
		problems = append(problems, o.problems(name)...)
		if o.Group != "" && groups != nil && !slices.Contains(groups, o.Group) {
			problems = append(problems, config.Problem{Key: name + ".group", Value: o.Group, Rule: "must be one of scheduling.groups"})
		}
	}
	return errors.Join(problems...)
}
