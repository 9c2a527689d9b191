//go:build !unix

package proc

import (
	"os"
	"syscall"
)

func sysProcAttr() *syscall.SysProcAttr { return nil }

// Without process groups only the child itself can be reached.
func signalGroup(p *os.Process, _ syscall.Signal) { _ = p.Kill() }
