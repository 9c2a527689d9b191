package fleet

import (
	"fmt"
	"net"
	"strings"
)

// portAttempts is how often a process is given another port when the one it got was taken meanwhile.
const portAttempts = 5

// FreeAddress returns a loopback address nobody listens on. Somebody else may take it before it is
// used: whoever binds it must be ready to ask again, see [PortTaken].
func FreeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// Free reports whether nobody listens on a loopback address now.
func Free(address string) bool {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	l.Close()
	return true
}

// PortTaken reports whether a text, an error or a log line, says that an address could not be bound.
func PortTaken(text string) bool {
	return strings.Contains(text, "address already in use") ||
		strings.Contains(text, "Only one usage of each socket address")
}
