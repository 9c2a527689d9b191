// Package otlprelay takes spans over OTLP/gRPC at once and hands them to a receiver that may not be
// there yet.
//
// The exporters of a fleet give up on a receiver after seconds, while a Jaeger that has to be
// compiled first appears after minutes. The relay listens from the first moment, keeps what arrives
// in a bounded queue and delivers it, in order, once [Relay.Deliver] names the receiver.
//
// It is not a collector: it changes and batches nothing, and it forgets the oldest requests when
// the queue is full or the process ends. Invariant: the queue never holds more than its bound.
package otlprelay
