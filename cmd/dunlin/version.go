package main

import (
	"context"
	"runtime"
	"runtime/debug"
	"time"
)

const versionUsage = `Usage: dunlin version [--json]

Says which build this is: version, commit, Go release and platform.

Examples:
  dunlin version
  dunlin version --json
`

// buildVersion is what version prints as JSON.
type buildVersion struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Time     string `json:"time,omitempty"` // of the commit, RFC 3339
	Modified bool   `json:"modified"`       // built from a changed tree
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func runVersion(ctx context.Context, e *env, args []string) error {
	fs := e.flags()
	asJSON := fs.json("one object")
	if _, err := fs.parse(args, 0, 0); err != nil {
		return err
	}
	v := readVersion()
	if *asJSON {
		return e.json(v)
	}
	e.printf("dunlin %s\n", v.Version)
	t := e.table()
	if v.Commit != "" {
		t.row("commit", v.Commit+" "+v.Time)
	}
	t.row("go", v.Go)
	t.row("platform", v.Platform)
	t.flush()
	return nil
}

// built is when the sources of this build were committed; zero where the build
// does not say. No clock that is right is before it.
func (v buildVersion) built() time.Time {
	t, err := time.Parse(time.RFC3339, v.Time)
	if err != nil {
		return time.Time{}
	}
	return t
}

// version is set by the build of a release.
var version string

// readVersion asks the build itself.
func readVersion() buildVersion {
	v := buildVersion{Version: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	if version != "" {
		v.Version = version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.time":
			v.Time = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		case "GOARM":
			v.Platform += "v" + s.Value
		}
	}
	return v
}
