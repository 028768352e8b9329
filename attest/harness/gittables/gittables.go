// Package gittables reads what published tables were at earlier times out of a git
// repository: the versions of their files along the first parents of HEAD, so that
// "before" is what the branch showed before.
//
// The repository is only read. Nothing of it is run, no hook and no filter, nothing is
// checked out, written or fetched, and what lies outside of its folder is not looked at:
// neither links nor alternates lead there. Every object that is used hashes to its name.
// What a commit says of its date is the committer's word.
//
// It is a leaf: nothing but the command line imports it, as go-git is large.
package gittables

import (
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

// Limits of what is read. Beyond those of one object it is not read, beyond the others
// a history ends, and both are told.
const (
	maxCommits = 50_000
	maxBlob    = 32 << 20 // bytes of a file that has a history
	maxTree    = 16 << 20
	maxCommit  = 1 << 20
	maxBytes   = 4 << 30   // of all versions of all tables
	maxRows    = 4_000_000 // of all versions that are kept
	maxChanges = 200_000   // files that one commit changes
	maxFolders = 200_000
	maxDepth   = 64      // of folders
	maxFile    = 1 << 30 // bytes of a file at HEAD
)

// Repo is a repository, safe for concurrent use.
type Repo struct {
	mu    sync.Mutex // go-git's storage has none
	store *filesystem.Storage
	head  plumbing.Hash
	edge  map[plumbing.Hash]bool // commits whose parents a shallow clone left out
	trees treeCache

	absent map[string]bool // files of HEAD that are not in this copy
}

// Open opens a repository by the folder with its objects: .git, or all of a bare one.
func Open(dir string) (r *Repo, err error) {
	defer recovered(&err)
	store := filesystem.NewStorageWithOptions(osfs.New(dir, osfs.WithBoundOS()), cache.NewObjectLRU(64*cache.MiByte), filesystem.Options{
		KeepDescriptors: true, LargeObjectThreshold: maxBlob,
	})
	config, err := store.Config()
	if err != nil {
		return nil, fmt.Errorf("reading git config: %w", err)
	}
	if format := config.Raw.Section("extensions").Option("objectformat"); format != "" && !strings.EqualFold(format, "sha1") {
		return nil, fmt.Errorf("git repository has objects named by %s, and only SHA-1 is read", format)
	}
	head, err := storer.ResolveReference(store, plumbing.HEAD)
	if errors.Is(err, plumbing.ErrReferenceNotFound) {
		return nil, errors.New("git repository has no commit")
	} else if err != nil {
		return nil, fmt.Errorf("reading HEAD: %w", err)
	}
	shallow, err := store.Shallow()
	if err != nil {
		return nil, fmt.Errorf("reading shallow: %w", err)
	}
	r = &Repo{store: store, head: head.Hash(), edge: map[plumbing.Hash]bool{}, absent: map[string]bool{}}
	for _, h := range shallow {
		r.edge[h] = true
	}
	return r, nil
}

// Head is the commit that is checked out, or would be.
func (r *Repo) Head() string { return r.head.String() }

// Close lets go of files.
func (r *Repo) Close() error { return r.store.Close() }

// errAbsent is of an object that is not in this copy.
var errAbsent = plumbing.ErrObjectNotFound

// get returns an object whose bytes hash to its name.
func (r *Repo) get(kind plumbing.ObjectType, h plumbing.Hash, most int64) (o *plumbing.MemoryObject, err error) {
	defer recovered(&err)
	r.mu.Lock()
	defer r.mu.Unlock()
	found, err := r.store.EncodedObject(kind, h)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", kind, h, err)
	}
	if found.Size() > most {
		return nil, fmt.Errorf("%s %s is larger than %d bytes", kind, h, most)
	}
	content, err := found.Reader()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", kind, h, err)
	}
	data, err := io.ReadAll(io.LimitReader(content, most+1))
	if cerr := content.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", kind, h, err)
	}
	if got := plumbing.ComputeHash(kind, data); got != h {
		return nil, fmt.Errorf("%s %s is damaged: its bytes are those of %s", kind, h, got)
	}
	o = &plumbing.MemoryObject{}
	o.SetType(kind)
	_, err = o.Write(data)
	return o, err
}

func (r *Repo) commit(h plumbing.Hash) (*object.Commit, error) {
	o, err := r.get(plumbing.CommitObject, h, maxCommit)
	if err != nil {
		return nil, err
	}
	c := &object.Commit{}
	return c, c.Decode(o)
}

func (r *Repo) blob(h plumbing.Hash, most int64) ([]byte, error) {
	o, err := r.get(plumbing.BlobObject, h, most)
	if err != nil {
		return nil, err
	}
	content, err := o.Reader()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(content)
}

// recovered makes an error of a panic: go-git is not proof against all damage.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("git repository is damaged: %v", p)
	}
}
