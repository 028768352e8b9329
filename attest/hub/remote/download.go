package remote

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/proctor-attest/proctor/attest/hub"
)

const (
	state   = ".cache/proctor" // of a download that is not complete; a package leaves .cache out
	whoseIs = state + "/of"
)

// Download gets all files of a listing into the directory at dir, which must not exist,
// be empty, or hold what an earlier Download of the same commit left when it was
// interrupted: it goes on there. Every file is compared with its listed hash, and stands
// under its name only when it is complete. progress is told how many bytes are there; it
// may be nil.
func (c *Client) Download(ctx context.Context, name string, l *hub.Listing, dir string, progress func(read, total int64)) error {
	if err := checkPaths(l); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := begin(root, dir, name+"@"+l.Revision); err != nil {
		return err
	}
	d := &download{Client: c, ctx: ctx, name: name, listing: l, root: root, progress: progress}
	for _, f := range l.Files {
		d.total += int64(*f.Size)
	}
	for _, f := range l.Files {
		if err := d.file(f); err != nil {
			return fmt.Errorf("%q: %w", f.Path, err)
		}
	}
	if err := root.RemoveAll(state); err != nil {
		return err
	}
	if err := root.Remove(path.Dir(state)); err != nil && !errors.Is(err, fs.ErrExist) && !notEmpty(root) {
		return err
	}
	return d.checkExtra()
}

func notEmpty(root *os.Root) bool {
	entries, err := fs.ReadDir(root.FS(), path.Dir(state))
	return err == nil && len(entries) > 0
}

// checkPaths refuses what cannot be saved everywhere as it is listed.
func checkPaths(l *hub.Listing) error {
	first := map[string]string{}
	for _, f := range l.Files {
		if f.Size == nil || f.SHA256 == nil && f.Blob == nil {
			return fmt.Errorf("file %.200q is listed without size or hash", f.Path)
		}
		lower := strings.ToLower(f.Path)
		if twin, ok := first[lower]; ok {
			return fmt.Errorf("%q and %q differ in case alone", twin, f.Path)
		}
		first[lower] = f.Path
		top, _, _ := strings.Cut(lower, "/")
		if top == ".git" || top == ".cache" || strings.ContainsAny(f.Path, "\\:\x00") {
			return fmt.Errorf("%.200q is not a name under which a file is saved", f.Path)
		}
	}
	return nil
}

// begin makes sure that a directory is this download's.
func begin(root *os.Root, dir, of string) error {
	said, err := root.ReadFile(whoseIs)
	if err == nil {
		if string(said) != of {
			return fmt.Errorf("%s holds part of %s: name another directory, or remove it", dir, said)
		}
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is not empty: name another directory, or remove it", dir)
	}
	if err := root.MkdirAll(state, 0o755); err != nil {
		return err
	}
	return root.WriteFile(whoseIs, []byte(of), 0o644)
}

type download struct {
	*Client
	ctx      context.Context
	name     string
	listing  *hub.Listing
	root     *os.Root
	progress func(read, total int64)

	done, total int64
}

func (d *download) advance(n int64) {
	d.done += n
	if d.progress != nil {
		d.progress(d.done, d.total)
	}
}

// file gets one file, or what is missing of it.
func (d *download) file(f hub.File) error {
	size := int64(*f.Size)
	if info, err := d.root.Lstat(f.Path); err == nil && info.Mode().IsRegular() && info.Size() == size {
		d.advance(size) // renamed when it was complete and compared
		return nil
	}
	sum := sha256.Sum256([]byte(f.Path))
	part := state + "/" + hex.EncodeToString(sum[:8])
	out, err := d.root.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := d.fill(out, f, size); err != nil {
		return err
	}
	if err := errors.Join(out.Sync(), out.Close()); err != nil {
		return err
	}
	if err := d.root.MkdirAll(path.Dir(f.Path), 0o755); err != nil {
		return err
	}
	return d.root.Rename(part, f.Path)
}

// fill appends to a file until it is complete, and starts it anew when its bytes are not
// the listed ones.
func (d *download) fill(out *os.File, f hub.File, size int64) error {
	info, err := out.Stat()
	if err != nil {
		return err
	}
	have := info.Size()
	if have > size {
		have = 0
	}
	if err := out.Truncate(have); err != nil {
		return err
	}
	d.advance(have)
	if have < size {
		body, err := d.bytes(d.ctx, d.name, d.listing.Revision, f, have, size-have)
		if err != nil {
			return err
		}
		defer body.Close()
		if _, err := out.Seek(have, io.SeekStart); err != nil {
			return err
		}
		if _, err := io.Copy(out, &advancing{body, d}); err != nil {
			if errors.Is(err, hub.ErrDiffers) {
				err = errors.Join(err, out.Truncate(0))
			}
			return err
		}
		if have == 0 {
			return nil // compared as it came
		}
	}
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, hub.Checked(f, io.NopCloser(io.LimitReader(out, size)))); err != nil {
		return errors.Join(err, out.Truncate(0))
	}
	return nil
}

type advancing struct {
	io.Reader
	d *download
}

func (a *advancing) Read(p []byte) (int, error) {
	n, err := a.Reader.Read(p)
	a.d.advance(int64(n))
	return n, err
}

// checkExtra refuses a directory with files that are not listed: the package would be
// another one.
func (d *download) checkExtra() error {
	listed := map[string]bool{}
	for _, f := range d.listing.Files {
		listed[f.Path] = true
	}
	return fs.WalkDir(d.root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && !listed[name] {
			err = fmt.Errorf("%q is there, and not listed: remove it", name)
		}
		return err
	})
}
