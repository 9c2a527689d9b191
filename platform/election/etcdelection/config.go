package etcdelection

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"regexp"
	"strings"
	"time"

	"example.com/baton/platform/election/internal/proof"
)

// MinTTL is the smallest TTL etcd can express. A server grants more when its own
// election timeout asks for it (2s with etcd's defaults); what it grants is used.
const MinTTL = time.Second

// drift is the greatest difference in rate between this process's clocks and
// etcd's that the deadline allows for.
const drift = 0.01

// Config says who this process is and how it campaigns.
type Config struct {
	// Base is the path under which members/ and owners/ live, "/baton/billing".
	Base string
	// Instance names this process among its peers. It must be unique: a second
	// process with the same name waits until the first one's record is gone.
	Instance string
	// TTL is how long a silent process keeps what it leads. Whole seconds, at
	// least MinTTL: etcd knows no fractions, and its own client silently turns
	// a sub-second TTL into sixty seconds.
	TTL time.Duration
	// Listen is the address, "host:port", at which peers learn that this process
	// is gone as soon as it is. Empty: they learn it from the lease, and this
	// process learns the death of others from theirs.
	Listen string
	// Advertise is what peers connect to, if not what Listen says. It must lead
	// to this process alone: no proxy, no balancer.
	Advertise string
	// Observer keeps this process out of elections: it is listed among the
	// members, and its Lead waits without ever leading.
	Observer bool
	// Pulse is how often this process rewrites its member record while it leads
	// anything, and PulseTimeout how long it may fail to before it stops leading
	// and is replaced. Zero: off. All members should agree.
	Pulse, PulseTimeout time.Duration
	// Settle is how long another member must have been there before groups for
	// which it ranks first are moved to it (election.Wanted). Zero: 10s.
	// Negative: groups stay where they are, as a single group always does.
	Settle time.Duration
	// Version is shown to people who look at the members.
	Version string
	// Logger receives what happens to the session. Nil: discarded.
	Logger *slog.Logger

	clock    proof.Clock   // tests move it
	rankStep time.Duration // how long each rank waits before it takes a free group
}

var instanceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,127}$`)

func (c Config) validate() error {
	var problems []error
	if !strings.HasPrefix(c.Base, "/") || strings.HasSuffix(c.Base, "/") {
		problems = append(problems, fmt.Errorf("base %q: must begin with a slash and end without one", c.Base))
	}
	if !instanceName.MatchString(c.Instance) {
		problems = append(problems, fmt.Errorf("instance %q: must match %s", c.Instance, instanceName))
	}
	problems = append(problems, ValidateTTL(c.TTL), ValidateAddresses(c.Listen, c.Advertise),
		ValidatePulse(c.Pulse, c.PulseTimeout, c.TTL))
	return errors.Join(problems...)
}

// ValidateAddresses reports whether peers could use the addresses of Config.
func ValidateAddresses(listen, advertise string) error {
	if listen == "" {
		if advertise != "" {
			return fmt.Errorf("advertise %q: must be given together with listen", advertise)
		}
		return nil
	}
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("listen %q: must be host:port", listen)
	}
	if ip := net.ParseIP(host); advertise == "" && (host == "" || ip != nil && ip.IsUnspecified()) {
		return fmt.Errorf("listen %q: all addresses can't be advertised; give advertise, host:port of this process", listen)
	}
	if host, port, err := net.SplitHostPort(advertise); advertise != "" && (err != nil || host == "" || port == "") {
		return fmt.Errorf("advertise %q: must be host:port", advertise)
	}
	return nil
}

// ValidateTTL reports whether etcd can grant a lease of ttl.
func ValidateTTL(ttl time.Duration) error {
	switch {
	case ttl < MinTTL:
		return fmt.Errorf("ttl %s: must be at least %s, the smallest lease etcd can grant", ttl, MinTTL)
	case ttl%time.Second != 0:
		return fmt.Errorf("ttl %s: must be whole seconds, etcd knows no fractions", ttl)
	case ttl > 24*time.Hour:
		return fmt.Errorf("ttl %s: must be at most 24h, or a crash would leave the group without a leader for days", ttl)
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.clock == nil {
		c.clock = proof.SystemClock
	}
	if c.Settle == 0 {
		c.Settle = 10 * time.Second
	}
	if c.rankStep == 0 {
		c.rankStep = 15 * time.Millisecond
	}
	return c
}

func (c Config) memberKey() string { return c.Base + "/members/" + c.Instance }

func (c Config) ownerKey(group string) string { return c.Base + "/owners/" + group }

// watched returns the key range that holds members/ and owners/ and, between
// them in the order of bytes, nothing that changes: so one watch sees both, in
// the order in which they were written.
func (c Config) watched() (from, to string) {
	return c.Base + "/members/", c.Base + "/owners0" // '0' is the byte after '/'
}
