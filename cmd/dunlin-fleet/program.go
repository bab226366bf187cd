package main

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dunlin-edge/dunlin/ota/release"
	"github.com/dunlin-edge/dunlin/ota/trust"
)

// isProgram tells programs from bundles.
func isProgram(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	var magic [4]byte
	_, err = f.Read(magic[:])
	return err == nil && string(magic[:]) == "\x7fELF"
}

// vetProgram reads from a program of the agent what it was built for.
func vetProgram(version string) func(*cobra.Command, string, int64) (release.Artifact, error) {
	return func(_ *cobra.Command, file string, epoch int64) (release.Artifact, error) {
		info, err := buildinfo.ReadFile(file)
		if err != nil {
			return release.Artifact{}, &hinted{fmt.Errorf("program %s: %w", file, err), "build it with: make cross"}
		}
		if !strings.HasSuffix(info.Path, "/cmd/dunlin") {
			return release.Artifact{}, &hinted{fmt.Errorf("program %s is %s", file, info.Path), "only the agent, dunlin, is updated this way"}
		}
		v := strings.TrimPrefix(version, "v")
		if v == "" {
			v = strings.TrimPrefix(info.Main.Version, "v")
		}
		if v == "" || v == "(devel)" {
			return release.Artifact{}, &hinted{errors.New("program " + file + " does not say its version"), "give it with --version; the program says the same, or devices refuse it"}
		}
		arch := ""
		for _, s := range info.Settings {
			switch s.Key {
			case "GOARCH":
				arch = s.Value + arch
			case "GOARM":
				arch += "/" + strings.Split(s.Value, ",")[0]
			}
		}
		return release.Artifact{
			Path: "agent/" + v + "/dunlin-" + strings.ReplaceAll(arch, "/", "v"), File: file,
			Custom: trust.Custom{Kind: "agent", Name: "agent", Version: v, SecurityEpoch: epoch, Arch: arch},
		}, nil
	}
}
