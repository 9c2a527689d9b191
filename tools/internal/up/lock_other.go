//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package up

import (
	"errors"
	"os"
	"path/filepath"
)

// lockDir knows no lock that a dead process gives back: it marks the directory and never sweeps one.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, errors.Join(errors.New("remove .lock if no other is running"), err)
	}
	return f, nil
}
