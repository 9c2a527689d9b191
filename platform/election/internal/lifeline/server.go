// Package lifeline lets processes learn from the kernel, within milliseconds,
// that a peer's process is gone, instead of from a lease, within seconds.
//
// Each process listens, and tells whoever connects which incarnation lives in it.
// A peer keeps one idle connection. When a process dies, however it dies, its
// kernel closes the connection; the peer connects again, and is refused, because
// nobody listens any more, or is told of another incarnation. Either proves that
// the one it looks after is gone. Nothing else does: not a timeout, not an
// unreachable network, not a connection that breaks and comes back. A frozen
// process keeps its connections, and stays unproven.
//
// The inference holds where an address belongs to the process itself. A proxy
// that refuses connections on behalf of a living process breaks it.
package lifeline

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

const (
	greeting = "baton-election/1 "
	nobody   = "-" // the incarnation of a process that has none at the moment

	maxConnections = 4096
	ioTimeout      = 2 * time.Second
)

// Server tells peers which incarnation lives in this process. Its methods are
// safe for concurrent use.
type Server struct {
	listener net.Listener
	closing  chan struct{}
	done     sync.WaitGroup

	mu struct {
		sync.Mutex
		incarnation string
		connections map[net.Conn]struct{}
	}
}

// Listen starts a server at address, "host:port".
func Listen(ctx context.Context, address string) (*Server, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("lifeline: %w", err)
	}
	s := &Server{listener: listener, closing: make(chan struct{})}
	s.mu.incarnation = nobody
	s.mu.connections = map[net.Conn]struct{}{}
	s.done.Go(s.accept)
	return s, nil
}

// Address is where the server listens.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Announce changes the incarnation; empty means that none lives here. Whoever is
// connected has to ask again. The caller vouches that the former incarnation
// does not act any more.
func (s *Server) Announce(incarnation string) {
	if incarnation == "" {
		incarnation = nobody
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.incarnation = incarnation
	for conn := range s.mu.connections {
		_ = conn.Close() // ends its goroutine
	}
}

// Close stops listening and closes every connection, which proves to the peers
// that nobody lives here. It is called once.
func (s *Server) Close() {
	close(s.closing)
	s.mu.Lock()
	_ = s.listener.Close() // before the connections: a peer that asks again must be refused
	for conn := range s.mu.connections {
		_ = conn.Close()
	}
	s.mu.Unlock()
	s.done.Wait()
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			// Out of file descriptors, if not closed. Peers then learn nothing,
			// which is safe.
			timer := time.NewTimer(50 * time.Millisecond)
			select {
			case <-s.closing:
				timer.Stop()
				return
			case <-timer.C:
				continue
			}
		}
		if incarnation, ok := s.add(conn); ok {
			s.done.Go(func() { s.serve(conn, incarnation) })
		} else {
			_ = conn.Close()
		}
	}
}

func (s *Server) add(conn net.Conn) (incarnation string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closing:
		return "", false
	default:
	}
	if len(s.mu.connections) >= maxConnections {
		return "", false
	}
	s.mu.connections[conn] = struct{}{}
	return s.mu.incarnation, true
}

// serve says the incarnation and then nothing, until either side closes.
func (s *Server) serve(conn net.Conn, incarnation string) {
	defer func() {
		s.mu.Lock()
		delete(s.mu.connections, conn)
		s.mu.Unlock()
		_ = conn.Close()
	}()
	if err := conn.SetWriteDeadline(time.Now().Add(ioTimeout)); err != nil {
		return
	}
	if _, err := io.WriteString(conn, greeting+incarnation+"\n"); err != nil {
		return
	}
	// A peer has nothing to say; the read waits for its end.
	_, _ = io.CopyN(io.Discard, conn, 1)
}
