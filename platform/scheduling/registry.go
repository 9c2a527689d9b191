package scheduling

import (
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
)

// DefaultGroup is the election group of a service that names none.
const DefaultGroup = "default"

// Registry is a checked set of jobs. It is immutable.
type Registry struct {
	jobs []Job // sorted by name
}

// NewRegistry checks jobs and assigns a group, one of groups, to each that names
// none. All problems of all jobs are reported at once, each with its job.
func NewRegistry(groups []string, jobs ...Job) (*Registry, error) {
	if len(groups) == 0 {
		groups = []string{DefaultGroup}
	}
	sorted := slices.Clone(jobs)
	slices.SortStableFunc(sorted, func(a, b Job) int { return strings.Compare(a.Name, b.Name) })
	var problems []error
	for i := range sorted {
		job := &sorted[i]
		if err := job.Validate(); err != nil {
			problems = append(problems, prefixed(fmt.Sprintf("job %q", job.Name), err))
		}
		if i > 0 && sorted[i-1].Name == job.Name {
			problems = append(problems, fmt.Errorf("job %q: declared twice", job.Name))
		}
		if job.Group == "" {
			job.Group = groupOf(job.Name, groups)
		} else if !slices.Contains(groups, job.Group) {
			problems = append(problems, fmt.Errorf("job %q: group %q: must be one of the service's groups (%s)",
				job.Name, job.Group, strings.Join(groups, ", ")))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return &Registry{jobs: sorted}, nil
}

// Jobs returns all jobs, sorted by name.
func (r *Registry) Jobs() []Job { return slices.Clone(r.jobs) }

// Job returns the job of that name.
func (r *Registry) Job(name string) (Job, bool) {
	i, ok := slices.BinarySearchFunc(r.jobs, name, func(j Job, name string) int { return strings.Compare(j.Name, name) })
	if !ok {
		return Job{}, false
	}
	return r.jobs[i], true
}

// Groups returns the groups that have a job, sorted.
func (r *Registry) Groups() []string {
	var groups []string
	for _, job := range r.jobs {
		groups = append(groups, job.Group)
	}
	slices.Sort(groups)
	return slices.Compact(groups)
}

// InGroup returns the jobs of one group, sorted by name.
func (r *Registry) InGroup(group string) []Job {
	return slices.DeleteFunc(r.Jobs(), func(j Job) bool { return j.Group != group })
}

func groupOf(job string, groups []string) string {
	h := fnv.New32a()
	h.Write([]byte(job))
	return groups[int(h.Sum32()%uint32(len(groups)))] //nolint:gosec // a handful of groups
}

// prefixed puts context before every line of a joined error.
func prefixed(context string, err error) error {
	joined, ok := err.(interface{ Unwrap() []error }) //nolint:errorlint // the outermost error, not one it wraps
	if !ok {
		return fmt.Errorf("%s: %w", context, err)
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, prefixed(context, e))
	}
	return errors.Join(all...)
}
