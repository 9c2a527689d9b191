// Package up is `baton up`: it brings a whole fleet up on one machine and takes it down again.
//
//	services built ─┬─▶ etcd ─▶ replicas ─▶ start screen ─▶ … ─▶ replicas stop ─▶ Jaeger ─▶ etcd
//	                └─▶ Jaeger built (first time: minutes), then fed with the spans that waited
//
// The fleet never waits for Jaeger. Invariant: when Run returns, no process it started is alive, no
// port is open and, unless the caller asked to keep the data, no file is left.
package up
