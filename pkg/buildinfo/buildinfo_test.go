package buildinfo

import (
	"encoding/json"
	"runtime/debug"
	"testing"
	"time"
)

func TestFrom(t *testing.T) {
	t.Parallel()
	stamped := &debug.BuildInfo{
		GoVersion: "go1.26.0",
		Main:      debug.Module{Version: "v0.3.0"},
		Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "abc123"},
			{Key: "vcs.time", Value: "2026-11-22T05:00:00Z"},
			{Key: "vcs.modified", Value: "true"},
		},
	}
	at := time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		build   *debug.BuildInfo
		version string
		want    Info
	}{
		"stamped":     {stamped, "", Info{"v0.3.0", "abc123", at, true, "go1.26.0"}},
		"linker flag": {stamped, "1.4.0", Info{"1.4.0", "abc123", at, true, "go1.26.0"}},
		"no repository": {
			&debug.BuildInfo{GoVersion: "go1.26.0", Main: debug.Module{Version: "(devel)"}}, "",
			Info{Version: "devel", Go: "go1.26.0"},
		},
	} {
		if got := from(c.build, c.version); got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

func TestReadAlwaysKnowsTheToolchain(t *testing.T) {
	t.Parallel()
	info := Read()
	if info.Go == "" || info.Version == "" {
		t.Errorf("got %+v", info)
	}
	if _, err := json.Marshal(info); err != nil {
		t.Error(err)
	}
}
