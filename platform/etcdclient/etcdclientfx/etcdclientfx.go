// Package etcdclientfx puts the etcd client into an fx graph.
package etcdclientfx

import (
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/fx"

	"example.com/baton/platform/config/configfx"
	"example.com/baton/platform/etcdclient"
)

// Module declares the section etcd and provides the client, which is closed when
// the app stops.
var Module = fx.Module("etcd",
	configfx.Section("etcd", etcdclient.DefaultConfig()),
	fx.Provide(New),
)

// Params are what New needs.
type Params struct {
	fx.In

	Lifecycle  fx.Lifecycle
	Config     etcdclient.Config
	Traces     trace.TracerProvider
	Propagator propagation.TextMapPropagator
}

// New makes the client and ties it to the app's life.
func New(p Params) (*etcdclient.Client, error) {
	client, err := etcdclient.New(p.Config, p.Traces, p.Propagator)
	if err != nil {
		return nil, err
	}
	p.Lifecycle.Append(fx.StopHook(client.Close))
	return client, nil
}
