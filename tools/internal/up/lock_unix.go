//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package up

import (
	"os"
	"path/filepath"
	"syscall"
)

// lockDir takes a lock that ends with the file or with the process, whichever is first.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
