// Package tcpfault is a TCP proxy that can be told to misbehave as a network does.
//
// It knows no protocol and changes no byte. What it holds back it delivers late,
// in order, as a network does after a partition: a late answer is the interesting
// case. Invariant: after Close nothing listens, and no goroutine is left.
package tcpfault

import (
	"fmt"
	"net"
	"sync"
)

// Mode is how the proxy treats its connections.
type Mode int

// Modes.
const (
	Forward      Mode = iota
	Refuse            // nobody listens, and what was connected is reset
	BlackHole         // connections are accepted and kept; nothing passes
	HoldAnswers       // requests pass, answers don't
	HoldRequests      // answers pass, requests don't
)

func (m Mode) holds() (requests, answers bool) {
	return m == BlackHole || m == HoldRequests, m == BlackHole || m == HoldAnswers
}

// Proxy passes connections on to one target. Its methods may be called from any
// goroutine.
type Proxy struct {
	target, address string

	mu struct {
		sync.Mutex
		mode     Mode
		closed   bool
		listener net.Listener // nil while refusing
		conns    map[net.Conn]struct{}
		turned   chan struct{} // closed and replaced when the mode changes
	}
	goroutines sync.WaitGroup
}

// Listen starts a proxy on a free loopback port.
func Listen(target string) (*Proxy, error) {
	p := &Proxy{target: target, address: "127.0.0.1:0"}
	p.mu.conns = map[net.Conn]struct{}{}
	p.mu.turned = make(chan struct{})
	if err := p.listen(); err != nil {
		return nil, err
	}
	p.address = p.mu.listener.Addr().String()
	return p, nil
}

// Address is where the proxy listens, host:port.
func (p *Proxy) Address() string { return p.address }

// Set changes the mode. It fails only when somebody else took the port meanwhile.
func (p *Proxy) Set(mode Mode) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.closed {
		return net.ErrClosed
	}
	p.mu.mode = mode
	close(p.mu.turned)
	p.mu.turned = make(chan struct{})
	if mode == Refuse {
		p.reset()
		return nil
	}
	if p.mu.listener == nil {
		return p.listen()
	}
	return nil
}

// Close ends the proxy and all its connections, and waits for them.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.mu.closed = true
	p.reset()
	close(p.mu.turned)
	p.mu.turned = make(chan struct{})
	p.mu.Unlock()
	p.goroutines.Wait()
}

// listen is called with the lock held, or before anybody else knows p.
func (p *Proxy) listen() error {
	l, err := net.Listen("tcp", p.address)
	if err != nil {
		return fmt.Errorf("proxy for %s: %w", p.target, err)
	}
	p.mu.listener = l
	p.goroutines.Go(func() { p.accept(l) })
	return nil
}

// reset stops listening and breaks what is connected. The lock is held.
func (p *Proxy) reset() {
	if p.mu.listener != nil {
		p.mu.listener.Close()
		p.mu.listener = nil
	}
	for c := range p.mu.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a reset, not an orderly end
		}
		c.Close()
	}
}

func (p *Proxy) accept(l net.Listener) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		if !p.track(client) {
			continue
		}
		p.goroutines.Go(func() { p.serve(client) })
	}
}

// track takes note of a connection, unless there must be none.
func (p *Proxy) track(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.closed || p.mu.mode == Refuse {
		c.Close()
		return false
	}
	p.mu.conns[c] = struct{}{}
	return true
}

func (p *Proxy) drop(c net.Conn) {
	c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.mu.conns, c)
}

func (p *Proxy) serve(client net.Conn) {
	defer p.drop(client)
	server, err := net.Dial("tcp", p.target)
	if err != nil || !p.track(server) {
		return
	}
	defer p.drop(server)
	var both sync.WaitGroup
	pump := func(from, to net.Conn, held func(Mode) bool) {
		p.pump(from, to, held)
		from.Close()
		to.Close()
	}
	both.Go(func() { pump(client, server, func(m Mode) bool { held, _ := m.holds(); return held }) })
	both.Go(func() { pump(server, client, func(m Mode) bool { _, held := m.holds(); return held }) })
	both.Wait()
}

// pump moves bytes, and keeps them for as long as their direction is held.
func (p *Proxy) pump(from, to net.Conn, held func(Mode) bool) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			if !p.pass(held) {
				return
			}
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			// The other side must not learn of the end any earlier than of the bytes.
			p.pass(held)
			return
		}
	}
}

// pass waits until a direction is open; it reports false when it never will be.
func (p *Proxy) pass(held func(Mode) bool) bool {
	for {
		p.mu.Lock()
		mode, closed, turned := p.mu.mode, p.mu.closed, p.mu.turned
		p.mu.Unlock()
		if closed || mode == Refuse {
			return false
		}
		if !held(mode) {
			return true
		}
		<-turned
	}
}
