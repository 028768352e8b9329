package gittables

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// tree returns a folder's entries; those of the zero hash are none.
func (r *Repo) tree(h plumbing.Hash) ([]object.TreeEntry, error) {
	if h.IsZero() {
		return nil, nil
	}
	if known, ok := r.trees.get(h); ok {
		return known, nil
	}
	entries, err := r.store.Tree(h)
	if err != nil {
		return nil, err
	}
	r.trees.put(h, entries)
	return entries, nil
}

// treeCache keeps trees that were read: those of one commit are mostly those of the next.
type treeCache struct {
	mu      sync.Mutex
	trees   map[plumbing.Hash][]object.TreeEntry
	entries int
}

const mostCached = 200_000 // entries

func (c *treeCache) get(h plumbing.Hash) ([]object.TreeEntry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, ok := c.trees[h]
	return t, ok
}

func (c *treeCache) put(h plumbing.Hash, t []object.TreeEntry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries += len(t) + 1; c.trees == nil || c.entries > mostCached {
		c.trees, c.entries = map[plumbing.Hash][]object.TreeEntry{}, len(t)+1
	}
	c.trees[h] = t
}

// change is a file that two trees have with other bytes, or that one has not.
type change struct {
	path     string
	old, new plumbing.Hash // zero where there is no file
}

// changes are the files that differ, in the order of their paths. Links and submodules
// are no files.
func (r *Repo) changes(old, new plumbing.Hash) ([]change, error) {
	d := &differ{repo: r}
	if err := d.compare("", old, new, 0); err != nil {
		return nil, err
	}
	slices.SortFunc(d.all, func(a, b change) int { return cmp.Compare(a.path, b.path) })
	return d.all, nil
}

// differ compares two trees. Few objects can make up more folders than there is time
// for: all that it looks at is counted.
type differ struct {
	repo    *Repo
	all     []change
	folders int
}

func (d *differ) compare(dir string, old, new plumbing.Hash, depth int) error {
	if old == new {
		return nil
	}
	if d.folders++; depth > maxDepth || d.folders > maxFolders {
		return fmt.Errorf("%s: more than %d folders, or more than %d deep", dir, maxFolders, maxDepth)
	}
	type pair struct{ file, folder [2]plumbing.Hash }
	pairs := map[string]*pair{}
	for side, h := range []plumbing.Hash{old, new} {
		entries, err := d.repo.tree(h)
		if err != nil {
			return err
		}
		for _, e := range entries {
			p := pairs[e.Name]
			if p == nil {
				p = &pair{}
				pairs[e.Name] = p
			}
			switch {
			case isFile(e.Mode):
				p.file[side] = e.Hash
			case e.Mode == filemode.Dir:
				p.folder[side] = e.Hash
			}
		}
	}
	for name, p := range pairs {
		at := path.Join(dir, name)
		if p.file[0] != p.file[1] {
			d.all = append(d.all, change{at, p.file[0], p.file[1]})
		}
		if err := d.compare(at, p.folder[0], p.folder[1], depth+1); err != nil {
			return err
		}
		if len(d.all) > maxChanges {
			return fmt.Errorf("a commit changes more than %d files", maxChanges)
		}
	}
	return nil
}

func isFile(m filemode.FileMode) bool {
	return m == filemode.Regular || m == filemode.Executable || m == filemode.Deprecated
}

// has reports whether a file is in this copy, and remembers where one is not.
func (r *Repo) has(h plumbing.Hash, name string) bool {
	if r.store.Has(h) {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.absent[name] = true
	return false
}

// FS is the files of HEAD, but for those that are not in this copy: History names them.
func (r *Repo) FS() (fs.FS, error) {
	c, err := r.store.Commit(r.head)
	if err != nil {
		return nil, err
	}
	return &treeFS{repo: r, at: ".", top: c.TreeHash, most: maxFile}, nil
}

// treeFS is the files of a commit, as if they lay in a folder.
type treeFS struct {
	repo    *Repo
	at      string
	top     plumbing.Hash
	most    int64 // bytes of a file
	folders atomic.Int64
}

// find walks down to an entry.
func (t *treeFS) find(op, name string) (object.TreeEntry, error) {
	e := object.TreeEntry{Name: ".", Mode: filemode.Dir, Hash: t.top}
	if name == t.at {
		return e, nil
	}
	rest, ok := inside(t.at, name)
	if !ok {
		return e, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	for part := range strings.SplitSeq(rest, "/") {
		if e.Mode != filemode.Dir {
			return e, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
		}
		entries, err := t.repo.tree(e.Hash)
		if err != nil {
			return e, &fs.PathError{Op: op, Path: name, Err: err}
		}
		i := slices.IndexFunc(entries, func(e object.TreeEntry) bool { return e.Name == part })
		if i < 0 {
			return e, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
		}
		e = entries[i]
	}
	return e, nil
}

func (t *treeFS) Stat(name string) (fs.FileInfo, error) {
	e, err := t.find("stat", name)
	if err != nil {
		return nil, err
	}
	return entryInfo{e, 0}, nil
}

func (t *treeFS) Open(name string) (fs.File, error) {
	e, err := t.find("open", name)
	if err != nil {
		return nil, err
	}
	if e.Mode == filemode.Dir {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("is a folder")}
	}
	if !isFile(e.Mode) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("is a link, not followed")}
	}
	data, err := t.repo.store.Read(plumbing.BlobObject, e.Hash, t.most)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &openFile{bytes.NewReader(data), entryInfo{e, int64(len(data))}}, nil
}

func (t *treeFS) ReadDir(name string) ([]fs.DirEntry, error) {
	e, err := t.find("readdir", name)
	if err != nil {
		return nil, err
	}
	entries, err := t.repo.tree(e.Hash)
	if err == nil && t.folders.Add(1) > maxFolders {
		err = fmt.Errorf("more than %d folders", maxFolders)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	var all []fs.DirEntry
	for _, e := range entries {
		if isFile(e.Mode) && !t.repo.has(e.Hash, path.Join(name, e.Name)) {
			continue
		}
		all = append(all, fs.FileInfoToDirEntry(entryInfo{e, 0}))
	}
	slices.SortFunc(all, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	return all, nil
}

type openFile struct {
	*bytes.Reader
	info entryInfo
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFile) Close() error               { return nil }

// entryInfo is what a tree says of a file. It knows no size: that is in the file.
type entryInfo struct {
	object.TreeEntry
	size int64
}

func (e entryInfo) Name() string       { return e.TreeEntry.Name }
func (e entryInfo) Size() int64        { return e.size }
func (e entryInfo) ModTime() time.Time { return time.Time{} }
func (e entryInfo) IsDir() bool        { return e.Mode().IsDir() }
func (e entryInfo) Sys() any           { return nil }

func (e entryInfo) Mode() fs.FileMode {
	switch m := e.TreeEntry.Mode; {
	case m == filemode.Dir:
		return fs.ModeDir | 0o555
	case isFile(m):
		return 0o444
	case m == filemode.Symlink:
		return fs.ModeSymlink
	}
	return fs.ModeIrregular
}
