package main

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// An archive of a home is a tar: manifestName, and then the home's directories and
// files. What is read back may come from a stranger.
const (
	manifestName = "backup.json"
	maxManifest  = 1 << 12
	maxArchived  = 1 << 22 // files and directories
	maxDepth     = 16
	maxFileName  = 1024
)

// manifest says what an archive is.
type manifest struct {
	Version int       `json:"version"`
	Issuer  string    `json:"issuer"`
	Made    time.Time `json:"made"`
	Ledger  bool      `json:"ledger"` // it holds the ledger
}

// archived counts what went into an archive, or came out of one.
type archived struct {
	files int
	bytes int64
}

// archive writes the home to w, but for what skip leaves out.
func (h *home) archive(ctx context.Context, w io.Writer, m manifest, skip func(name string) bool, progress func(int64)) (archived, error) {
	var sum archived
	root, err := os.OpenRoot(h.dir)
	if err != nil {
		return sum, err
	}
	defer root.Close()
	text, err := json.Marshal(m)
	if err != nil {
		return sum, err
	}
	t := tar.NewWriter(w)
	if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: manifestName, Mode: 0o644, Size: int64(len(text)), ModTime: m.Made}); err != nil {
		return sum, err
	}
	if _, err := t.Write(text); err != nil {
		return sum, err
	}
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		switch {
		case err != nil || name == ".":
			return err
		case transient(name) || skip(name):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if err := archiveOne(ctx, t, root, name, d, &sum); err != nil {
			return fmt.Errorf("%s: %w", h.path(filepath.FromSlash(name)), err)
		}
		progress(sum.bytes)
		return nil
	})
	if err != nil {
		return sum, err
	}
	return sum, t.Close()
}

// transient files belong to a command that runs, or to one that was killed.
func transient(name string) bool {
	base := path.Base(name)
	for _, prefix := range []string{".new-", ".old-", ".write-"} {
		if strings.HasPrefix(base, prefix) {
			return true
		}
	}
	return base == "lock" || strings.HasSuffix(base, ".lock") || name == restoredFile
}

func archiveOne(ctx context.Context, t *tar.Writer, root *os.Root, name string, d fs.DirEntry, sum *archived) error {
	if err := checkArchivedName(name); err != nil {
		return err
	}
	if !d.IsDir() && !d.Type().IsRegular() {
		return withHint(errors.New("neither a file nor a directory"), "an archive holds nothing else: move what a link points to into the home, or the link out of it")
	}
	f, err := root.Open(filepath.FromSlash(name))
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	// Owner and group would say something about the machine, and are of no use.
	header := &tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: int64(info.Mode().Perm()), ModTime: info.ModTime(), Format: tar.FormatPAX}
	if info.IsDir() {
		return t.WriteHeader(header)
	}
	header.Typeflag, header.Name, header.Size = tar.TypeReg, name, info.Size()
	if err := t.WriteHeader(header); err != nil {
		return err
	}
	n, err := io.Copy(t, io.LimitReader(readerFor{ctx, f}, header.Size))
	sum.files++
	sum.bytes += n
	if err == nil && n < header.Size {
		err = errors.New("became shorter while it was read")
	}
	return err
}

// readerFor stops when its command is interrupted.
type readerFor struct {
	ctx context.Context
	io.Reader
}

func (r readerFor) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

func checkArchivedName(name string) error {
	switch {
	case !fs.ValidPath(name) || name == "." || !filepath.IsLocal(filepath.FromSlash(name)) || strings.ContainsAny(name, `\:`):
		return fmt.Errorf("%q is no plain path", name)
	case strings.ContainsFunc(name, func(r rune) bool { return r < 0x20 || r == 0x7f }):
		return fmt.Errorf("%q has a control character", name)
	case len(name) > maxFileName || strings.Count(name, "/") >= maxDepth:
		return fmt.Errorf("the path %.80q… is longer than %d bytes, or deeper than %d directories", name, maxFileName, maxDepth)
	}
	return nil
}
