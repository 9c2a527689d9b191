// Package e2e tests the whole of Baton with real processes: etcd, Jaeger and replicas of a service,
// as `baton up` runs them.
//
// The tests need the Jaeger binary, whose first build takes minutes, so they run only with
// BATON_E2E=1. They know the services by their log contract, their keys in etcd and their traces,
// and by nothing else.
package e2e
