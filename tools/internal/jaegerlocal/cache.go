package jaegerlocal

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/mod/modfile"
)

const modulePath = "github.com/jaegertracing/jaeger"

// Module is the Go module Jaeger is built from.
type Module struct {
	Dir     string // tools/jaeger
	Version string // of Jaeger
	cache   string
}

// Open reads the module in dir.
func Open(dir string) (Module, error) {
	gomod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return Module{}, fmt.Errorf("jaeger module: %w", err)
	}
	gosum, err := os.ReadFile(filepath.Join(dir, "go.sum"))
	if err != nil {
		return Module{}, fmt.Errorf("jaeger module: %w", err)
	}
	parsed, err := modfile.ParseLax(filepath.Join(dir, "go.mod"), gomod, nil)
	if err != nil {
		return Module{}, fmt.Errorf("jaeger module: %w", err)
	}
	m := Module{Dir: dir}
	for _, r := range parsed.Require {
		if r.Mod.Path == modulePath {
			m.Version = r.Mod.Version
		}
	}
	if m.Version == "" {
		return Module{}, fmt.Errorf("jaeger module: %s/go.mod does not require %s", dir, modulePath)
	}
	user, err := os.UserCacheDir()
	if err != nil {
		return Module{}, fmt.Errorf("jaeger cache: %w", err)
	}
	hash := sha256.New()
	hash.Write(gomod)
	hash.Write(gosum)
	m.cache = filepath.Join(user, "baton", fmt.Sprintf("jaeger-%s-%.6x", m.Version, hash.Sum(nil)))
	return m, nil
}

// Binary is where the built Jaeger is kept.
func (m Module) Binary() string {
	name := "jaeger"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(m.cache, name)
}

// Cached reports whether Jaeger has been built already.
func (m Module) Cached() bool {
	_, err := os.Stat(m.Binary())
	return !errors.Is(err, fs.ErrNotExist)
}
