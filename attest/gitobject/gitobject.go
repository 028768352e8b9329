// Package gitobject reads objects out of a git repository that others wrote: commits,
// trees, the bytes of files.
//
// It promises that the bytes of every object hash to its name, by a SHA-1 that notices
// the known ways to make collisions; that no object is larger than the caller allows; and
// that damage is an error. It runs no hook, no filter and no git, and reads nothing
// outside of the repository's folder: neither links nor alternates lead there.
//
// It is a leaf, as go-git is large.
package gitobject

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

const (
	maxCommit = 1 << 20
	maxTree   = 64 << 20

	// Larger objects are read in pieces.
	maxInMemory = 4 << 20
)

// ErrAbsent is of an object that is not in this copy of the repository.
var ErrAbsent = plumbing.ErrObjectNotFound

// Store is a repository's objects, safe for concurrent use.
type Store struct {
	mu    sync.Mutex // go-git's storage has none
	files *filesystem.Storage
}

// Open opens a repository by the folder with its objects: .git, or all of a bare one. The
// caller closes it.
func Open(dir string) (s *Store, err error) {
	defer recovered(&err)
	files := filesystem.NewStorageWithOptions(osfs.New(dir, osfs.WithBoundOS()), cache.NewObjectLRU(64*cache.MiByte), filesystem.Options{
		KeepDescriptors: true, LargeObjectThreshold: maxInMemory,
	})
	config, err := files.Config()
	if err != nil {
		return nil, fmt.Errorf("reading git config: %w", err)
	}
	if format := config.Raw.Section("extensions").Option("objectformat"); format != "" && !strings.EqualFold(format, "sha1") {
		return nil, fmt.Errorf("git repository has objects named by %s, and only SHA-1 is read", format)
	}
	return &Store{files: files}, nil
}

// Close lets go of files.
func (s *Store) Close() error { return s.files.Close() }

// Head is the commit that is checked out, or would be.
func (s *Store) Head() (_ plumbing.Hash, err error) {
	defer recovered(&err)
	head, err := storer.ResolveReference(s.files, plumbing.HEAD)
	if errors.Is(err, plumbing.ErrReferenceNotFound) {
		return plumbing.ZeroHash, errors.New("git repository has no commit")
	}
	if err != nil {
		return plumbing.ZeroHash, fmt.Errorf("reading HEAD: %w", err)
	}
	return head.Hash(), nil
}

// Shallow lists the commits whose parents a shallow clone left out.
func (s *Store) Shallow() ([]plumbing.Hash, error) {
	edge, err := s.files.Shallow()
	if err != nil {
		return nil, fmt.Errorf("reading shallow: %w", err)
	}
	return edge, nil
}

// Has reports whether an object of this name seems to be there.
func (s *Store) Has(id plumbing.Hash) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !errors.Is(s.files.HasEncodedObject(id), ErrAbsent)
}

// Copy writes an object's bytes to w and returns how many they are. What was written is
// not the object's unless the error is nil.
func (s *Store) Copy(w io.Writer, kind plumbing.ObjectType, id plumbing.Hash, most int64) (n int64, err error) {
	defer recovered(&err)
	s.mu.Lock()
	defer s.mu.Unlock()
	size, err := s.files.EncodedObjectSize(id)
	if err == nil && size > most {
		return 0, fmt.Errorf("%s %s of %d bytes, the most is %d", kind, id, size, most)
	}
	var o plumbing.EncodedObject
	if err == nil {
		o, err = s.files.EncodedObject(plumbing.AnyObject, id)
	}
	if errors.Is(err, ErrAbsent) {
		return 0, fmt.Errorf("object %s is not in the repository: %w", id, ErrAbsent)
	}
	if err != nil {
		return 0, fmt.Errorf("%s %s: %w", kind, id, err)
	}
	if o.Type() != kind {
		return 0, fmt.Errorf("object %s is a %s, want a %s", id, o.Type(), kind)
	}
	in, err := o.Reader()
	if err != nil {
		return 0, fmt.Errorf("%s %s: %w", kind, id, err)
	}
	defer in.Close()
	src := io.Reader(in)
	if o.Size() > maxInMemory {
		src = io.LimitReader(in, most+1) // what comes may be longer than it was said to be
	}
	hash := plumbing.NewHasher(kind, o.Size())
	if n, err = io.Copy(io.MultiWriter(hash, w), src); err != nil {
		return n, fmt.Errorf("%s %s: %w", kind, id, err)
	}
	if got := hash.Sum(); got != id || n != o.Size() {
		return n, fmt.Errorf("%s %s is damaged or forged: its %d bytes have the id %s", kind, id, n, got)
	}
	return n, nil
}

// Read returns an object's bytes.
func (s *Store) Read(kind plumbing.ObjectType, id plumbing.Hash, most int64) ([]byte, error) {
	var b bytes.Buffer
	_, err := s.Copy(&b, kind, id, most)
	return b.Bytes(), err
}

// memory reads an object for go-git to decode.
func (s *Store) memory(kind plumbing.ObjectType, id plumbing.Hash, most int64) (*plumbing.MemoryObject, error) {
	o := &plumbing.MemoryObject{}
	o.SetType(kind)
	_, err := s.Copy(o, kind, id, most)
	return o, err
}

// Commit reads a commit.
func (s *Store) Commit(id plumbing.Hash) (_ *object.Commit, err error) {
	defer recovered(&err)
	o, err := s.memory(plumbing.CommitObject, id, maxCommit)
	if err != nil {
		return nil, err
	}
	c := &object.Commit{}
	if err := c.Decode(o); err != nil {
		return nil, fmt.Errorf("commit %s: %w", id, err)
	}
	if c.TreeHash.IsZero() {
		return nil, fmt.Errorf("commit %s names no tree", id)
	}
	return c, nil
}

// Tree reads the entries of a folder. Their names are names of files.
func (s *Store) Tree(id plumbing.Hash) (_ []object.TreeEntry, err error) {
	defer recovered(&err)
	o, err := s.memory(plumbing.TreeObject, id, maxTree)
	if err != nil {
		return nil, err
	}
	t := &object.Tree{}
	if err := t.Decode(o); err != nil {
		return nil, fmt.Errorf("tree %s: %w", id, err)
	}
	for _, e := range t.Entries {
		if e.Name == "" || e.Name == "." || e.Name == ".." || strings.ContainsRune(e.Name, '/') {
			return nil, fmt.Errorf("tree %s: %.200q is not a name of a file", id, e.Name)
		}
	}
	return t.Entries, nil
}

// recovered makes an error of a panic: go-git is not proof against all damage.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("git repository is damaged: %v", p)
	}
}
