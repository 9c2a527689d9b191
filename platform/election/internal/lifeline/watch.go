package lifeline

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"time"
)

// Proof is how an incarnation was found to be gone.
type Proof string

// Proofs.
const (
	Refused  Proof = "refused"  // nobody listens where it did
	Replaced Proof = "replaced" // its process, or another at its address, says that another one lives there
)

// Watch returns once the incarnation at address is proven to be gone, or with
// the cause of ctx's end. It keeps one connection, and starts no goroutine that
// outlives it.
//
// A proof counts only after the incarnation was once heard at this address, which
// shows that the address leads to it. Trusted leaves that condition out; it is
// for addresses that can't lead anywhere else.
func Watch(ctx context.Context, address, incarnation string, trusted bool) (Proof, error) {
	heard := trusted
	pause := firstPause
	for {
		found, err := ask(ctx, address, incarnation)
		switch {
		case ctx.Err() != nil:
			return "", context.Cause(ctx)
		case found == sameOne:
			heard = true
			pause = firstPause // it broke after a while: ask again at once
		case heard && found == otherOne:
			return Replaced, nil
		case heard && errors.Is(err, syscall.ECONNREFUSED):
			return Refused, nil
		default:
			pause = min(2*pause, lastPause)
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return "", context.Cause(ctx)
		case <-timer.C:
		}
	}
}

// A dying process closes its sockets one after the other: for a moment the
// connection is gone and the listener is not.
const (
	firstPause = 500 * time.Microsecond
	lastPause  = 250 * time.Millisecond
)

type found int

const (
	nothing found = iota
	sameOne
	otherOne
)

// ask connects, listens for the greeting and, if it is the incarnation's, holds
// the connection until it ends.
func ask(ctx context.Context, address, incarnation string) (found, error) {
	dialer := net.Dialer{Timeout: ioTimeout, KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3,
	}}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nothing, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if err := conn.SetReadDeadline(time.Now().Add(ioTimeout)); err != nil {
		return nothing, err
	}
	line, err := bufio.NewReader(io.LimitReader(conn, 256)).ReadString('\n')
	if err != nil {
		return nothing, err
	}
	who, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), greeting)
	switch {
	case !ok:
		return nothing, errors.New("lifeline: no greeting")
	case who != incarnation:
		return otherOne, nil
	}
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		return sameOne, err
	}
	_, err = io.CopyN(io.Discard, conn, 1)
	return sameOne, err
}
