// Package buildinfo says which version a binary is.
package buildinfo

import "runtime/debug"

// stamped is set at link time: -ldflags "-X …/buildinfo.stamped=v1.2.3".
var stamped string

// Version returns the version stamped at link time, else what the Go tool
// recorded, else "devel".
func Version() string {
	if stamped != "" {
		return stamped
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "devel-" + s.Value[:12]
		}
	}
	return "devel"
}
