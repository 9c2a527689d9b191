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
	Drain   time.Duration `koanf:"drain" validate:"min=0s" doc:"how long runs may go on after a graceful stop has begun"`
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
	Enabled *bool         `koanf:"enabled" doc:"false takes the job out"`
	Every   time.Duration `koanf:"every" doc:"interval, aligned to the clock; replaces the schedule"`
	Cron    string        `koanf:"cron" doc:"cron expression of five or six fields; replaces the schedule"`
	Zone    string        `koanf:"zone" doc:"time zone of cron, from the IANA database"`
	At      time.Time     `koanf:"at" doc:"a single time, RFC 3339; replaces the schedule"`
	Timeout time.Duration `koanf:"timeout" validate:"min=0s" doc:"longest time an attempt takes"`
	Group   string        `koanf:"group" doc:"election group whose leader runs the job"`
}

// disabled reports whether the job is taken out.
func (o Override) disabled() bool { return o.Enabled != nil && !*o.Enabled }

// schedule returns the schedule that the override asks for, nil for none.
func (o Override) schedule() scheduling.Schedule {
	switch {
	case o.Every != 0:
		return scheduling.Every(o.Every)
	case o.Cron != "":
		return scheduling.Cron(o.Cron, o.Zone)
	case !o.At.IsZero():
		return scheduling.At(o.At)
	default:
		return nil
	}
}

func (o Override) apply(job *scheduling.Job) {
	if s := o.schedule(); s != nil {
		job.Schedule = s
	}
	if o.Timeout != 0 {
		job.Timeout = o.Timeout
	}
	if o.Group != "" {
		job.Group = o.Group
	}
}

// problems checks one override by itself.
func (o Override) problems(name string) []error {
	var problems []error
	kinds := 0
	for _, given := range []bool{o.Every != 0, o.Cron != "", !o.At.IsZero()} {
		if given {
			kinds++
		}
	}
	if kinds > 1 {
		problems = append(problems, config.Problem{Key: name, Rule: "must have at most one of every, cron and at"})
	}
	if o.Zone != "" && o.Cron == "" {
		problems = append(problems, config.Problem{Key: name + ".zone", Value: o.Zone, Rule: "must be given together with cron"})
	}
	if s := o.schedule(); s != nil {
		if err := s.Validate(); err != nil {
			key, value := o.scheduleKey()
			problems = append(problems, config.Problem{Key: name + "." + key, Value: value, Rule: err.Error()})
		}
	}
	return problems
}

func (o Override) scheduleKey() (key string, value any) {
	switch {
	case o.Every != 0:
		return "every", o.Every
	case o.Cron != "":
		return "cron", o.Cron
	default:
		return "at", o.At
	}
}

// checkOverrides reports every problem of the section jobs.
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
		if o.Group != "" && !slices.Contains(groups, o.Group) {
			problems = append(problems, config.Problem{Key: name + ".group", Value: o.Group, Rule: "must be one of scheduling.groups"})
		}
	}
	return errors.Join(problems...)
}
