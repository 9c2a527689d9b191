package up

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	workPattern = "baton-up-*"
	// sweepAfter keeps a sweep from taking a directory that has just been made and not been locked yet.
	sweepAfter = time.Minute
)

// workdir is where a session keeps its files.
type workdir struct {
	root string // temporary, removed at the end
	bin  string // built services
	tmp  string // the compiler's temporary files
	data string // of etcd, Jaeger and the services
	lock []*os.File
}

// openWorkdir makes the directories. keep is where the data outlives the session, or "". It also
// removes what sessions left behind that were killed.
func openWorkdir(keep string) (*workdir, error) {
	sweep()
	root, err := os.MkdirTemp("", workPattern)
	if err != nil {
		return nil, fmt.Errorf("work directory: %w", err)
	}
	w := &workdir{root: root, bin: filepath.Join(root, "bin"), tmp: filepath.Join(root, "tmp"), data: filepath.Join(root, "data")}
	if keep != "" {
		if w.data, err = filepath.Abs(keep); err != nil {
			w.close()
			return nil, fmt.Errorf("data directory: %w", err)
		}
	}
	for _, dir := range []string{w.bin, w.tmp, w.data} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			w.close()
			return nil, fmt.Errorf("work directory: %w", err)
		}
	}
	for _, dir := range []string{w.root, w.data} {
		f, err := lockDir(dir)
		if err != nil {
			w.close()
			return nil, fmt.Errorf("%s is used by another baton up: %w", dir, err)
		}
		w.lock = append(w.lock, f)
	}
	return w, nil
}

func (w *workdir) close() {
	for _, f := range w.lock {
		f.Close()
	}
	_ = os.RemoveAll(w.root)
}

// sweep removes the directories whose sessions are gone.
func sweep() {
	old, _ := filepath.Glob(filepath.Join(os.TempDir(), workPattern))
	for _, dir := range old {
		info, err := os.Stat(dir)
		if err != nil || time.Since(info.ModTime()) < sweepAfter {
			continue
		}
		if f, err := lockDir(dir); err == nil {
			_ = os.RemoveAll(dir)
			f.Close()
		}
	}
}
