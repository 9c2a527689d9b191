// Package buildinfo tells what a binary was built from.
//
// The facts come from the Go toolchain, which stamps the module version and the state of the
// repository into every binary. It is not a release process: a binary built outside a repository has
// no revision, and says so by leaving it empty.
package buildinfo

import (
	"runtime"
	"runtime/debug"
	"time"
)

// version replaces the stamped module version, for builds without a repository at hand:
//
//	go build -ldflags "-X example.com/baton/pkg/buildinfo.version=1.4.0"
var version string

// Info describes a build.
type Info struct {
	Version  string    `json:"version"`            // "devel" when nothing better is known
	Revision string    `json:"revision,omitempty"` // commit id
	Time     time.Time `json:"time,omitzero"`      // time of that commit
	Modified bool      `json:"modified"`           // the working tree differed from the commit
	Go       string    `json:"go"`                 // toolchain, as in "go1.26.0"
}

// Read returns what is known about the running binary.
func Read() Info {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		build = &debug.BuildInfo{}
	}
	return from(build, version)
}

func from(build *debug.BuildInfo, version string) Info {
	info := Info{Version: "devel", Go: build.GoVersion}
	if info.Go == "" {
		info.Go = runtime.Version()
	}
	if v := build.Main.Version; v != "" && v != "(devel)" {
		info.Version = v
	}
	if version != "" {
		info.Version = version
	}
	for _, s := range build.Settings {
		switch s.Key {
		case "vcs.revision":
			info.Revision = s.Value
		case "vcs.time":
			if t, err := time.Parse(time.RFC3339, s.Value); err == nil {
				info.Time = t
			}
		case "vcs.modified":
			info.Modified = s.Value == "true"
		}
	}
	return info
}
