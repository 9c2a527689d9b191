package scheduling

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"example.com/baton/platform/election"
)

// Job is something to run and when. It is plain data; the registry checks it.
type Job struct {
	// Name is the configuration key, the path segment in the ledger and the
	// attribute in traces. One alphabet for all three, and no dashes: an
	// environment variable could not spell them.
	Name string
	// Group is the election group whose leader runs the job. Empty: one of the
	// service's groups, by hash of the name.
	Group    string
	Schedule Schedule
	Run      Func
	// Timeout bounds one attempt. Zero: no bound but the end of the term.
	Timeout  time.Duration
	Delivery Delivery
	CatchUp  CatchUp
	Overlap  Overlap
}

var jobName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// ValidateName reports whether name can name a job.
func ValidateName(name string) error {
	if !jobName.MatchString(name) {
		return fmt.Errorf("name %q: must match %s", name, jobName)
	}
	return nil
}

// Validate reports every problem of the job, except a missing Run: a job can be
// declared, listed and checked before what it calls exists.
func (j Job) Validate() error {
	problems := []error{ValidateName(j.Name)}
	if j.Group != "" {
		problems = append(problems, election.ValidateGroup(j.Group))
	}
	if j.Schedule == nil {
		problems = append(problems, errors.New("schedule: must be given"))
	} else {
		problems = append(problems, j.Schedule.Validate())
	}
	if j.Timeout < 0 {
		problems = append(problems, fmt.Errorf("timeout %s: must not be negative", j.Timeout))
	}
	problems = append(problems, j.CatchUp.validate())
	return errors.Join(problems...)
}
