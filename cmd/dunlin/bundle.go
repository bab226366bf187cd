package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/ota/bundle"
)

const bundleUsage = `Usage: dunlin bundle COMMAND

Makes, reads and checks bundles: one model with all it needs to run.

Examples:
  dunlin bundle init model.tflite --labels labels.txt
  dunlin bundle verify model-0.1.0.dunlin
`

const bundlePackUsage = `Usage: dunlin bundle pack DIR -o BUNDLE [--json]

Packs a folder with a manifest.json and the files it names. The same folder
gives the same bytes on every machine; the digest printed names them.

Examples:
  dunlin bundle pack digits/ -o digits-1.0.0.dunlin
`

const bundleInspectUsage = `Usage: dunlin bundle inspect BUNDLE [--json]

Shows what a bundle is: model, pipeline, evaluation, golden samples and files,
after checking that the file is whole. The model is not run.

Examples:
  dunlin bundle inspect digits-1.0.0.dunlin
  dunlin bundle inspect digits-1.0.0.dunlin --json
`

const bundleVerifyUsage = `Usage: dunlin bundle verify BUNDLE [--json]

Checks a bundle as the agent does before it runs it: layout, hashes, manifest,
pipeline against model, and every golden sample, which must come out exact on
this device.

Examples:
  dunlin bundle verify digits-1.0.0.dunlin
`

func bundleCommands() []command {
	return []command{
		{"init", "make a runnable bundle from a model", bundleInitUsage, runBundleInit},
		{"pack", "pack a folder into a bundle", bundlePackUsage, runBundlePack},
		{"inspect", "show what a bundle is", bundleInspectUsage, runBundleInspect},
		{"verify", "check hashes and golden samples on this device", bundleVerifyUsage, runBundleVerify},
	}
}

func runBundle(ctx context.Context, e *env, args []string) error {
	return e.dispatch(ctx, "bundle", bundleCommands(), args)
}

// packed is what bundle pack and init print as JSON.
type packed struct {
	File   string `json:"file"`
	Bundle string `json:"bundle"` // name@version
	Digest string `json:"digest"` // SHA-256 of the file, hex
	Bytes  int64  `json:"bytes"`
	Note   string `json:"note,omitempty"`
}

func runBundlePack(ctx context.Context, e *env, args []string) error {
	fl := e.flags()
	out := fl.String("o", "", "write this `BUNDLE`")
	asJSON := fl.json("one object")
	args, err := fl.parse(args, 1, 1)
	if err != nil {
		return err
	}
	if *out == "" {
		return usageError("name it with -o NAME.dunlin", "bundle pack: no output file")
	}
	raw, err := os.ReadFile(filepath.Join(args[0], bundle.ManifestName))
	if err != nil {
		return inputError(fmt.Errorf("bundle pack: %w", err), "the folder needs a manifest.json; dunlin bundle init MODEL -o DIR makes one")
	}
	m, err := bundle.DecodeManifest(raw)
	if err != nil {
		return inputError(fmt.Errorf("bundle pack: %w", err), "correct manifest.json")
	}
	p, err := pack(*out, m, args[0])
	if err != nil {
		return inputError(fmt.Errorf("bundle %w", err), "correct manifest.json, or add the files it names")
	}
	return e.printPacked(p, *asJSON)
}

// pack writes the bundle and describes it.
func pack(out string, m *bundle.Manifest, dir string) (*packed, error) {
	digest, err := bundle.PackFile(out, m, os.DirFS(dir))
	if err != nil {
		return nil, err
	}
	st, err := os.Stat(out)
	if err != nil {
		return nil, err
	}
	return &packed{File: out, Bundle: m.Name + "@" + m.Version, Digest: hex.EncodeToString(digest[:]), Bytes: st.Size()}, nil
}

func (e *env) printPacked(p *packed, asJSON bool) error {
	if asJSON {
		return e.json(p)
	}
	if p.Note != "" {
		e.printf("%s\n\n", strings.Join(wrap(p.Note, helpWidth), "\n"))
	}
	e.printf("%s  %s  %s\nsha256 %s\n", p.File, p.Bundle, bytesText(p.Bytes), p.Digest)
	return nil
}

// verified is what bundle verify prints as JSON.
type verified struct {
	Bundle   string `json:"bundle"`
	Digest   string `json:"digest"`
	Files    int    `json:"files"`
	Golden   int    `json:"golden_exact"`
	Platform string `json:"platform"`
}

func runBundleVerify(ctx context.Context, e *env, args []string) error {
	fl := e.flags()
	asJSON := fl.json("one object")
	args, err := fl.parse(args, 1, 1)
	if err != nil {
		return err
	}
	all, err := agent.LoadAll(ctx, args[0], inference.Options{})
	if err != nil {
		return verifyError(err)
	}
	u := all[0]
	v := verified{u.Name(), u.Digest, len(u.Manifest.Files), 0, runtime.GOOS + "/" + runtime.GOARCH}
	for _, u := range all {
		v.Golden += u.Golden
	}
	if *asJSON {
		return e.json(v)
	}
	e.printf("%s: whole: %d files as listed\n", v.Bundle, v.Files)
	if v.Golden == 0 {
		e.printf("it has no golden samples, so its numbers cannot be checked here\n")
	} else {
		e.printf("%d golden samples exact on %s\n", v.Golden, v.Platform)
	}
	e.printf("sha256 %s\n", v.Digest)
	return nil
}

// verifyError gives a bundle that is there and does not hold the exit code of
// a mismatch.
func verifyError(err error) error {
	err = fmt.Errorf("verify: %w", err)
	var un *inference.UnsupportedError
	if errors.Is(err, os.ErrNotExist) || errors.As(err, &un) {
		return err
	}
	return &cliError{exitMismatch, hintOf(err), err}
}
