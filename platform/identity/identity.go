// Package identity names a running process: which service, which of its replicas, which version.
//
// It is plain data. Nothing here makes an instance id unique; two processes that are given the same
// one are two members with one name, and the election adapters tell them apart by other means.
package identity

import (
	"fmt"
	"regexp"
)

// Service is who a process is.
type Service struct {
	Name     string // of the service, as in "billing"
	Instance string // of this replica, as in "billing-1"
	Version  string // of the binary
}

var instance = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

// CheckInstance reports whether id can be used as an instance id: it becomes a segment of etcd keys,
// a span attribute and a part of log records.
func CheckInstance(id string) error {
	if !instance.MatchString(id) {
		return fmt.Errorf("instance id %q: want 1 to 128 letters, digits, '.', '_' or '-', the first a letter or digit", id)
	}
	return nil
}

// DefaultInstance makes an instance id out of a host name and a process id. Characters that an id
// may not hold are replaced by '-'. In containers the host name alone is what differs.
func DefaultInstance(host string, pid int) string {
	id := []byte(host)
	for i, c := range id {
		if !instance.Match([]byte{'a', c}) {
			id[i] = '-'
		}
	}
	if len(id) > 100 {
		id = id[:100]
	}
	if len(id) == 0 || !instance.Match(id[:1]) {
		id = append([]byte("host"), id...)
	}
	return fmt.Sprintf("%s-%d", id, pid)
}
