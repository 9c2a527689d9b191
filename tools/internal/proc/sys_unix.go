//go:build unix

package proc

import (
	"os"
	"syscall"
)

func signalGroup(p *os.Process, sig syscall.Signal) { _ = syscall.Kill(-p.Pid, sig) }
