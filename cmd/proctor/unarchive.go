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

	"github.com/proctor-attest/proctor/ledger/durable"
)

// unarchive reads an archive to its end and writes the home to into; nil checks the
// archive alone. A tar inside age is not compressed, so that all files together
// cannot be larger than it is.
func unarchive(ctx context.Context, r io.Reader, most int64, into *os.Root, progress func(int64)) (manifest, archived, error) {
	var sum archived
	t := tar.NewReader(r)
	m, err := readManifest(t)
	if err != nil {
		return m, sum, err
	}
	var dirs []string
	for entries := 0; ; entries++ {
		header, err := t.Next()
		if err == io.EOF {
			break
		}
		if err == nil {
			err = ctx.Err()
		}
		if err == nil && entries == maxArchived {
			err = fmt.Errorf("more than %d files", maxArchived)
		}
		if err == nil {
			err = checkHeader(header, most-sum.bytes)
		}
		if err != nil {
			return m, sum, err
		}
		if header.Typeflag == tar.TypeDir {
			dirs = append(dirs, header.Name)
		} else {
			sum.files++
			sum.bytes += header.Size
		}
		if err := unarchiveOne(ctx, t, header, into); err != nil {
			return m, sum, fmt.Errorf("%s: %w", header.Name, err)
		}
		progress(sum.bytes)
	}
	// The end of the tar is not the end of the archive, by which age knows a whole one.
	if n, err := r.Read(make([]byte, 1)); n > 0 || err != io.EOF {
		return m, sum, errors.Join(errors.New("data after its end"), err)
	}
	return m, sum, syncAll(into, dirs)
}

func readManifest(t *tar.Reader) (manifest, error) {
	var m manifest
	header, err := t.Next()
	if err == io.EOF {
		err = errors.New("it is empty")
	}
	if err != nil {
		return m, err
	}
	if header.Name != manifestName || header.Typeflag != tar.TypeReg || header.Size > maxManifest {
		return m, fmt.Errorf("it does not begin with %s: it is no backup of a home", manifestName)
	}
	text, err := io.ReadAll(t)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("%s: %w", manifestName, err)
	}
	if m.Version != 1 {
		return m, fmt.Errorf("%s: version %d, want 1; a newer proctor may have made it", manifestName, m.Version)
	}
	return m, nil
}

// checkHeader refuses what no home has: links, devices, sparse files, paths that lead
// out of it.
func checkHeader(header *tar.Header, room int64) error {
	if header.Typeflag != tar.TypeReg && header.Typeflag != tar.TypeDir {
		return fmt.Errorf("%.80q is neither a file nor a directory", header.Name)
	}
	for key := range header.PAXRecords {
		if key != "path" && key != "mtime" && key != "size" {
			return fmt.Errorf("%.80q has the attribute %.40q", header.Name, key)
		}
	}
	if header.Typeflag == tar.TypeDir {
		header.Name = strings.TrimSuffix(header.Name, "/")
	}
	if err := checkArchivedName(header.Name); err != nil {
		return err
	}
	if transient(header.Name) {
		return fmt.Errorf("%q is nothing that a backup holds", header.Name)
	}
	if header.Size < 0 || header.Size > room {
		return fmt.Errorf("%q has %d bytes, more than the whole archive", header.Name, header.Size)
	}
	return nil
}

func unarchiveOne(ctx context.Context, t io.Reader, header *tar.Header, into *os.Root) error {
	if into == nil {
		_, err := io.Copy(io.Discard, readerFor{ctx, t})
		return err
	}
	name := filepath.FromSlash(header.Name)
	if header.Typeflag == tar.TypeDir {
		return into.Mkdir(name, archivedMode(header.Name, header.Mode, true))
	}
	f, err := into.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, archivedMode(header.Name, header.Mode, false))
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.Copy(f, readerFor{ctx, t}); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return into.Chtimes(name, header.ModTime, header.ModTime) // beacon rounds are told by age
}

// archivedMode keeps of a mode whether others may read, but never of a secret.
func archivedMode(name string, mode int64, dir bool) fs.FileMode {
	top, _, _ := strings.Cut(name, "/")
	base := path.Base(name)
	secret := top == "secrets" || base == "key" || strings.HasSuffix(base, ".key") || mode&0o044 == 0
	switch {
	case dir && secret:
		return 0o700
	case dir:
		return 0o755
	case secret:
		return 0o600
	}
	return 0o644
}

// syncAll makes the names in the directories survive a crash.
func syncAll(into *os.Root, dirs []string) error {
	if into == nil {
		return nil
	}
	for _, dir := range append(dirs, ".") {
		if err := durable.SyncDir(filepath.Join(into.Name(), filepath.FromSlash(dir))); err != nil {
			return err
		}
	}
	return nil
}
