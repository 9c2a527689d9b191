package gocronelector

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// Config is the configuration of the etcd client that NewElector makes.
type Config = clientv3.Config

// defaultTTL is what programs without WithTTL are used to.
const defaultTTL = 60

// Option changes how an elector takes part.
type Option func(*options)

type options struct {
	ttl   int // seconds
	ctx   context.Context
	lease clientv3.LeaseID
}

// WithTTL sets how many seconds a process that is gone keeps the lead. Default: 60.
// etcd grants more when its own election timeout asks for it (2 with its defaults).
// Anything below 1 is refused by the constructor: a duration of less than a second,
// turned into seconds, is 0, and 60 would not be what was meant.
func WithTTL(ttl int) Option { return func(o *options) { o.ttl = ttl } }

// WithContext ends the elector with ctx too, not only with the context given to the
// constructor. The lead is handed over all the same.
func WithContext(ctx context.Context) Option { return func(o *options) { o.ctx = ctx } }

// WithLease is refused by the constructor, unless lease is clientv3.NoLease. A lead
// is as safe as its lease is known: when it was last renewed, and by whom. Somebody
// else's lease says neither, cannot be replaced when it ends, and takes the keys of
// a second process with it.
func WithLease(lease clientv3.LeaseID) Option { return func(o *options) { o.lease = lease } }

func newOptions(given []Option) (options, error) {
	o := options{ttl: defaultTTL}
	for _, option := range given {
		if option != nil {
			option(&o)
		}
	}
	var problems []error
	if o.ttl < 1 || o.ttl > int(24*time.Hour/time.Second) {
		problems = append(problems, fmt.Errorf("WithTTL(%d): must be whole seconds, from 1 to 86400", o.ttl))
	}
	if o.lease != clientv3.NoLease {
		problems = append(problems, fmt.Errorf("WithLease(%x): must not be used, the elector has a lease of its own; use WithTTL", int64(o.lease)))
	}
	return o, errors.Join(problems...)
}

func (o options) duration() time.Duration { return time.Duration(o.ttl) * time.Second }

// newID returns a name that no other process has, and that tells people the host.
func newID() string {
	host, _ := os.Hostname() // shown to people only
	host = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' {
			return r
		}
		return '-'
	}, host)
	host = strings.Trim(host, "-._")
	if host == "" {
		host = "host"
	}
	return host[:min(len(host), 64)] + "-" + strings.ToLower(rand.Text())
}
