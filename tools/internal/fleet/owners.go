package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// keyPrefix is below which every service keeps its keys.
const keyPrefix = "/baton/"

// Owner is who leads an election group of a service.
type Owner struct {
	Service  string
	Group    string
	Instance string
	Token    int64     // the fencing token: the revision of the write that began the term
	Since    time.Time // when this process saw it
}

// Owners follows in etcd who leads what. Its methods may be called from any goroutine.
type Owners struct {
	client   *clientv3.Client
	observe  func(Owner)
	cancel   context.CancelFunc
	finished chan struct{}

	mu struct {
		sync.Mutex
		byKey   map[string]Owner
		changed chan struct{} // closed and replaced on every change
	}
}

// WatchOwners starts following. observe, when not nil, is called for every new term, one at a time.
func WatchOwners(client *clientv3.Client, observe func(Owner)) *Owners {
	ctx, cancel := context.WithCancel(context.Background())
	o := &Owners{client: client, observe: observe, cancel: cancel, finished: make(chan struct{})}
	o.mu.byKey = make(map[string]Owner)
	o.mu.changed = make(chan struct{})
	go func() {
		defer close(o.finished)
		o.follow(ctx)
	}()
	return o
}

// Close stops following and waits for it.
func (o *Owners) Close() {
	o.cancel()
	<-o.finished
}

// All returns the present owners, in no particular order.
func (o *Owners) All() []Owner {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := make([]Owner, 0, len(o.mu.byKey))
	for _, w := range o.mu.byKey {
		all = append(all, w)
	}
	return all
}

// Wait returns once the present owners satisfy the condition, or with an error when ctx ends.
func (o *Owners) Wait(ctx context.Context, condition func([]Owner) bool) error {
	for {
		o.mu.Lock()
		changed := o.mu.changed
		o.mu.Unlock()
		if condition(o.All()) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for a leader: %w", context.Cause(ctx))
		}
	}
}

// follow reads the owners and watches them from there on; it begins again when the watch breaks.
func (o *Owners) follow(ctx context.Context) {
	pause := backoff.NewExponentialBackOff()
	for ctx.Err() == nil {
		if revision, err := o.load(ctx); err == nil {
			pause.Reset()
			o.watch(ctx, revision+1)
		}
		sleep(ctx, pause.NextBackOff())
	}
}

func (o *Owners) load(ctx context.Context) (int64, error) {
	resp, err := o.client.Get(ctx, keyPrefix, clientv3.WithPrefix())
	if err != nil {
		return 0, err
	}
	o.mu.Lock()
	clear(o.mu.byKey)
	o.mu.Unlock()
	for _, kv := range resp.Kvs {
		o.put(string(kv.Key), kv.Value, kv.ModRevision)
	}
	return resp.Header.Revision, nil
}

func (o *Owners) watch(ctx context.Context, revision int64) {
	ctx, cancel := context.WithCancel(ctx) // ends the watch on the server when this returns
	defer cancel()
	for resp := range o.client.Watch(ctx, keyPrefix, clientv3.WithPrefix(), clientv3.WithRev(revision)) {
		if resp.Err() != nil {
			return
		}
		for _, ev := range resp.Events {
			if ev.Type == clientv3.EventTypeDelete {
				o.remove(string(ev.Kv.Key))
				continue
			}
			o.put(string(ev.Kv.Key), ev.Kv.Value, ev.Kv.ModRevision)
		}
	}
}

func (o *Owners) put(key string, value []byte, revision int64) {
	service, group, ok := ownerKey(key)
	if !ok {
		return
	}
	var record struct{ Instance string }
	if json.Unmarshal(value, &record) != nil || record.Instance == "" {
		return
	}
	owner := Owner{Service: service, Group: group, Instance: record.Instance, Token: revision, Since: time.Now()}
	o.mu.Lock()
	o.mu.byKey[key] = owner
	o.broadcast()
	o.mu.Unlock()
	if o.observe != nil {
		o.observe(owner)
	}
}

func (o *Owners) remove(key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.mu.byKey[key]; ok {
		delete(o.mu.byKey, key)
		o.broadcast()
	}
}

func (o *Owners) broadcast() {
	close(o.mu.changed)
	o.mu.changed = make(chan struct{})
}

// ownerKey takes /baton/<service>/owners/<group> apart.
func ownerKey(key string) (service, group string, ok bool) {
	parts := strings.Split(strings.TrimPrefix(key, keyPrefix), "/")
	if len(parts) != 3 || parts[1] != "owners" {
		return "", "", false
	}
	return parts[0], parts[2], true
}
