package etcdlocal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
)

// ports are the loopback ports of the members, in order.
type ports struct {
	Client []int `json:"-"`
	Peer   []int `json:"peer"`
	kept   bool  // Peer was read from file
	file   string
}

// reservePorts finds free ports. The members of a cluster find each other by the peer addresses in
// their data, so those of a kept cluster are written down and used again.
func reservePorts(cfg Config) (ports, error) {
	p := ports{file: filepath.Join(cfg.Dir, "peers.json")}
	data, err := os.ReadFile(p.file)
	switch {
	case err == nil:
		if err := json.Unmarshal(data, &p); err != nil {
			return p, fmt.Errorf("%s: %w", p.file, err)
		}
		if len(p.Peer) != cfg.Members {
			return p, fmt.Errorf("%s holds a cluster of %d, not of %d; use the same number or another directory",
				cfg.Dir, len(p.Peer), cfg.Members)
		}
		p.kept = true
	case !errors.Is(err, fs.ErrNotExist):
		return p, err
	}

	need := cfg.Members
	if !p.kept {
		need *= 2
	}
	free, err := freePorts(need)
	if err != nil {
		return p, err
	}
	p.Client = free[:cfg.Members]
	if p.kept {
		return p, nil
	}
	p.Peer = free[cfg.Members:]
	return p, nil
}

// keep writes the peer ports down once they have proved good.
func (p ports) keep(dir string) error {
	if p.kept {
		return nil
	}
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(p.file, data, 0o600)
}

// forget removes what a failed first start has written: it names ports that will not be used.
func (p ports) forget(cfg Config) error {
	if p.kept {
		return nil
	}
	var errs []error
	for i := range cfg.Members {
		errs = append(errs, os.RemoveAll(filepath.Join(cfg.Dir, memberName(i))))
	}
	return errors.Join(errs...)
}

// advice tells what to do about a port that cannot be exchanged.
func (p ports) advice(err error) string {
	if !p.kept || !errors.Is(err, errPortTaken) {
		return ""
	}
	return fmt.Sprintf("; the peer ports are recorded in %s: free them, or use another directory", p.file)
}

// freePorts holds all listeners until it has n different ports.
func freePorts(n int) ([]int, error) {
	found := make([]int, 0, n)
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close()
		found = append(found, l.Addr().(*net.TCPAddr).Port)
	}
	return found, nil
}
