package electionfx

import (
	"context"
	"fmt"
	"strings"

	"example.com/baton/platform/config"
	"example.com/baton/platform/election"
	"example.com/baton/platform/election/etcdelection"
	"example.com/baton/platform/election/pathelection"
	"example.com/baton/platform/etcdclient"
)

// Backend is the elector on etcd, whichever recipe it follows.
type Backend interface {
	election.Elector
	Run(ctx context.Context) error
	Ready(ctx context.Context) error
	// Fence returns the condition under which a transaction may write for t.
	Fence(t election.Term) etcdclient.Cmp
}

// Groups are the groups that the service campaigns for. Whoever campaigns provides
// them; at a path there can be only one.
type Groups []string

// newPathCheck takes no section: it can't be had while something is wrong with it,
// and then nobody would learn what else is wrong.
func newPathCheck(values *config.Values) config.Check {
	return config.Check{Section: "election", Func: func(section any) error {
		etcd, err := config.Get[etcdclient.Config](values, "etcd")
		if err != nil {
			return nil //nolint:nilerr // reported with its section
		}
		return checkPath(section.(Config).Path, etcd.Prefix)
	}}
}

// checkPath refuses a path that could not work: every key below a path counts as a
// candidate, and below the prefix are records that never go away.
func checkPath(path, prefix string) error {
	if path != "" && (within(prefix, path) || within(path, prefix)) {
		return config.Problem{Key: "path", Value: path, Rule: fmt.Sprintf(
			"must neither contain nor lie in etcd.prefix, %s, where services keep their records", prefix)}
	}
	return nil
}

// CheckGroups refuses more than one group at a path. It is for whoever provides
// Groups, and gets the configured values.
func CheckGroups(values *config.Values, groups []string) error {
	c, err := config.Get[Config](values, "election")
	if err != nil || c.Path == "" || len(groups) == 1 {
		return nil //nolint:nilerr // reported with its section
	}
	return config.Problem{Key: "groups", Value: groups, Rule: fmt.Sprintf(
		"must name one group while election.path is set, to %q: a path elects one leader", c.Path)}
}

func within(path, in string) bool { return strings.HasPrefix(path+"/", in+"/") }

func newPathElector(p Params) (Backend, error) {
	if len(p.Groups) != 1 {
		return nil, fmt.Errorf("electionfx: election.path %q elects one leader, for %d groups", p.Config.Path, len(p.Groups))
	}
	return pathelection.New(p.Client, pathelection.Config{
		Path: pathelection.At(p.Groups[0], p.Config.Path), Instance: p.Service.Instance,
		TTL: p.Config.TTL, Observer: !p.Config.Candidate, Logger: p.Log,
	})
}

var (
	_ Backend = (*etcdelection.Elector)(nil)
	_ Backend = (*pathelection.Elector)(nil)
)
