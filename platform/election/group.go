package election

import (
	"fmt"
	"regexp"
)

var groupName = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,62}$`)

// ValidateGroup reports whether name can name a group. A group is a path segment
// in the store and an attribute in traces, so the alphabet is small.
func ValidateGroup(name string) error {
	if !groupName.MatchString(name) {
		return fmt.Errorf("election: group %q: must match %s", name, groupName)
	}
	return nil
}
