package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest/model"
	"github.com/proctor-attest/proctor/attest/model/oms"
	"github.com/proctor-attest/proctor/verify"
	"github.com/proctor-attest/proctor/verify/report"
	"github.com/proctor-attest/proctor/verify/signature"
)

func signatureFlags() []cli.Flag {
	return append(trustFlags(),
		&cli.StringSliceFlag{Name: ignoreFlag, Usage: "a `PATH` in the model that need not be signed; repeatable", Category: signatureCategory},
		&cli.BoolFlag{Name: unsignedFlag, Usage: "let files be there that are not signed", Category: signatureCategory},
	)
}

// ofSignature reports whether a command line is about a signature of a model's
// files, not about packs.
func ofSignature(c *cli.Context) bool {
	if slices.ContainsFunc(signatureFlags(), func(f cli.Flag) bool { return c.IsSet(f.Names()[0]) }) {
		return true
	}
	if c.Args().Len() != 1 {
		return false
	}
	name := c.Args().First()
	return filepath.Ext(name) == ".sig" || readSignature(name) != nil
}

// readSignature returns what the file signs, or nil where it is no signature of a
// model's files.
func readSignature(name string) *oms.Signature {
	if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	var first [1]byte
	if _, err := f.Read(first[:]); err != nil || strings.IndexByte("{ \r\n\t", first[0]) < 0 {
		return nil // a pack, which may be large
	}
	data, err := readLimited(name, oms.MaxSize)
	if err != nil {
		return nil
	}
	s, err := oms.Parse(data)
	if err != nil {
		return nil
	}
	return s
}

// signedFiles is a model on disk: a directory, or one file of it.
type signedFiles struct {
	*model.Dir
	name string
	file string // "" for the directory
}

func openSigned(name string) (*signedFiles, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	s := &signedFiles{name: name}
	dir := name
	if !info.IsDir() {
		dir, s.file = filepath.Dir(name), filepath.Base(name)
	}
	s.Dir, err = model.OpenDir(dir)
	return s, err
}

// inside is the path that a file has in the directory, if it is there.
func (s *signedFiles) inside(name string) (string, bool) {
	if s.file != "" {
		return "", false
	}
	dir, err := filepath.EvalSymlinks(s.name)
	if err != nil {
		return "", false
	}
	folder, err := filepath.EvalSymlinks(filepath.Dir(name))
	if err != nil {
		return "", false
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", false
	}
	if folder, err = filepath.Abs(folder); err != nil {
		return "", false
	}
	path, err := filepath.Rel(dir, filepath.Join(folder, filepath.Base(name)))
	if err != nil || !filepath.IsLocal(path) {
		return "", false
	}
	return filepath.ToSlash(path), true
}

// options are those of a command that reads a model's files; the signature itself
// is not one of them.
func (s *signedFiles) options(c *cli.Context, signatureFile string, b *bar) oms.Options {
	opts := oms.Options{File: s.file, IgnoreUnsigned: c.Bool(unsignedFlag), Progress: b.bytes}
	for _, p := range c.StringSlice(ignoreFlag) {
		opts.Ignore = append(opts.Ignore, strings.TrimSuffix(filepath.ToSlash(p), "/"))
	}
	if path, ok := s.inside(signatureFile); ok {
		opts.Signature = path
	}
	return opts
}

func (e *env) verifySignature(c *cli.Context, at time.Time) error {
	name, err := oneArg(c, "the signature")
	if err != nil {
		return err
	}
	for _, f := range []string{"policy", "ledger", "weights"} {
		if c.IsSet(f) {
			return usagef("--%s is for evidence packs; %s is a signature of a model's files", f, name)
		}
	}
	if c.String("model") == "" {
		return usagef("%s is a signature of a model's files: name their directory, or the file, with --model", name)
	}
	trust, inWords, err := readTrust(c)
	if err != nil {
		return err
	}
	data, err := readLimited(name, oms.MaxSize)
	if err != nil {
		return err
	}
	files, err := openSigned(c.String("model"))
	if err != nil {
		return err
	}
	defer files.Close()
	if !c.Bool("json") {
		e.note(c, "trusting %s", inWords)
	}
	bar := e.progress(c, "hashing "+filepath.Base(files.name), 0)
	v := signature.Judge(c.Context, data, trust, at, files.Dir, files.options(c, name, bar))
	bar.done()
	if err := c.Context.Err(); err != nil {
		return err
	}
	v.Signature, v.Model = name, files.name
	if c.Bool("json") {
		err = e.printJSON(v)
	} else {
		err = report.Signature(e.stdout, v)
	}
	if err != nil || v.Headline == verify.Supported {
		return err
	}
	return &verdictError{exitFor(&verify.Verdict{Headline: v.Headline})}
}

// inspectSignature shows a signature of a model's files, if the file is one.
func (e *env) inspectSignature(c *cli.Context, name string) (bool, error) {
	s := readSignature(name)
	if s == nil {
		if filepath.Ext(name) != ".sig" {
			return false, nil
		}
		data, err := readLimited(name, oms.MaxSize)
		if err == nil {
			_, err = oms.Parse(data)
		}
		if err == nil {
			err = errors.New("not a file")
		}
		return true, fmt.Errorf("%s: %w", name, err)
	}
	if c.Bool("json") {
		_, err := fmt.Fprintf(e.stdout, "%s\n", s.Payload())
		return true, err
	}
	fmt.Fprintln(e.stderr, "What follows is what the signature says. Nothing was verified.")
	fmt.Fprintf(e.stdout, "signature of a model's files, by the method %s\n  name    %q\n  root    %s\n", s.Method, s.Content.Name, s.Content.Root)
	for _, r := range s.Content.Resources {
		part := ""
		if r.End > 0 {
			part = fmt.Sprintf(" bytes %d to %d", r.Start, r.End)
		}
		fmt.Fprintf(e.stdout, "  %s  %x %q%s\n", s.Content.Hash, r.Digest, r.Path, part)
	}
	for _, p := range s.Content.Ignored {
		fmt.Fprintf(e.stdout, "  left out by the signer  %q\n", p)
	}
	return true, nil
}
