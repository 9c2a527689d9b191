package pathelection

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"example.com/baton/platform/election/internal/etcdlease"
)

// Config says who this process is and where it contends.
type Config struct {
	// Path returns the path at which a group's candidates contend, and "" for a
	// group that is not elected here. It is used as it is: a slash and the
	// lease are added, even after a slash, as the other contenders do it. It is
	// called for every Lead and every read. See At.
	Path func(group string) string
	// Instance is what the key's value says. Contenders that judge leadership by
	// the value, as gocron-etcd-elector does, need it to be unique.
	Instance string
	// TTL is how long a silent process keeps what it leads. Whole seconds, at
	// least one; etcd grants more when its own election timeout asks for it (2s
	// with its defaults), and what it grants is used.
	TTL time.Duration
	// Observer keeps this process out of elections: its Lead waits without ever
	// leading.
	Observer bool
	// Logger receives what happens to the session. Nil: discarded.
	Logger *slog.Logger
}

// At returns a Config.Path for one group, at path.
func At(group, path string) func(string) string {
	return func(g string) string {
		if g == group {
			return path
		}
		return ""
	}
}

var instanceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,127}$`)

// maxPath keeps keys readable; etcd itself has no such limit.
const maxPath = 512

// ValidatePath reports whether candidates can contend at path.
func ValidatePath(path string) error {
	switch {
	case path == "":
		return errors.New("path: must not be empty, or every key of the store would be a candidate")
	case len(path) > maxPath:
		return fmt.Errorf("path of %d bytes: must have at most %d", len(path), maxPath)
	case !utf8.ValidString(path) || strings.ContainsFunc(path, unicode.IsControl):
		return fmt.Errorf("path %q: must be text without control characters", path)
	}
	return nil
}

func (c Config) validate() error {
	var problems []error
	if c.Path == nil {
		problems = append(problems, errors.New("path: must be given"))
	}
	if !instanceName.MatchString(c.Instance) {
		problems = append(problems, fmt.Errorf("instance %q: must match %s", c.Instance, instanceName))
	}
	problems = append(problems, etcdlease.ValidateTTL(c.TTL))
	return errors.Join(problems...)
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}
